/** One widget: its title, and what it shows while it is in view. */

import { lazy, type ReactNode, Suspense, useRef } from "react";
import { Link } from "react-router";
import { t } from "~/texts";
import { TREND_SECONDS, tagsOf, type Widget } from "../model";
import { BarWidget } from "./bar";
import { GaugeWidget } from "./gauge";
import { TableWidget } from "./table";
import { labelOf, useNamed } from "./tags";
import { ValueWidget } from "./value";
import { useVisible } from "./visible";

const TrendWidget = lazy(() => import("./trend"));
const FlowWidget = lazy(() => import("./flow"));

const SHOWN = {
  value: ValueWidget,
  gauge: GaugeWidget,
  trend: TrendWidget,
  bar: BarWidget,
  table: TableWidget,
  flow: FlowWidget,
};

export function useTitle(widget: Widget): string {
  const only = widget.tags?.length === 1 ? (widget.tags[0] as string) : "";
  const tag = useNamed(only);
  return widget.title || (only ? labelOf(only, tag) : t(`dashboards.kind.${widget.kind}`));
}

export function WidgetBox({ widget, tools }: { widget: Widget; tools?: ReactNode }) {
  const box = useRef<HTMLElement>(null);
  const visible = useVisible(box);
  const title = useTitle(widget);
  const Shown = SHOWN[widget.kind];
  const empty = tagsOf(widget).length === 0 && !widget.nodes?.length;
  return (
    <section ref={box} className={`board-widget kind-${widget.kind}`} aria-label={title}>
      <header>
        <h2>{titleOf(widget, title, tools !== undefined)}</h2>
        {tools}
      </header>
      <div className="board-body">
        {empty ? (
          <p className="quiet board-empty">{t(tools ? "dashboards.empty_edit" : "dashboards.empty")}</p>
        ) : (
          visible && (
            <Suspense fallback={null}>
              <Shown widget={widget} />
            </Suspense>
          )
        )}
      </div>
    </section>
  );
}

/** The title leads to the same tags in the trends page, where one looks closer. */
function titleOf(widget: Widget, title: string, editing: boolean): ReactNode {
  const tags = widget.tags ?? [];
  if (editing || tags.length === 0) return title;
  const params = new URLSearchParams(tags.slice(0, 10).map((tag) => ["tag", tag]));
  params.set("from", `-${widget.seconds ?? TREND_SECONDS}s`);
  return (
    <Link to={`/trends?${params}`} title={t("dashboards.open_trend")}>
      {title}
    </Link>
  );
}
