/** Any tags in one chart, live and stored; every state of it is in the address. */

import { LeftOutlined, LoadingOutlined, RightOutlined, ZoomInOutlined, ZoomOutOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { usePreferences } from "~/app/preferences";
import { live, usePaths } from "~/live";
import { Choice } from "~/parts/choice";
import { Download } from "~/parts/download";
import * as format from "~/parts/format";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import type { Cursor, Cursors, Layout } from "~/parts/trend/chart";
import { type Drawn, useDrawn, useStatistics, useTags } from "~/parts/trend/data";
import { linesOf, useAskedSpan, useGrown } from "~/parts/trend/follow";
import { Picker } from "~/parts/trend/picker";
import { PRESETS, panned, paramsOf, type Span, spanOf, type Window, windowOf, zoomed } from "~/parts/trend/window";
import { t } from "~/texts";
import { filesOf } from "./export";
import { Hover } from "./hover";
import { Legend } from "./legend";
import "~/parts/trend/trend.css";
import "./trends.css";

// It comes while the first question is asked.
const drawing = import("~/parts/trend/chart");
const Chart = lazy(async () => ({ default: (await drawing).Chart }));

const MOST_TAGS = 20;
const SETTLE_MS = 250;
/** Samples drawn one by one are asked for anew this often, lest one was missed. */
const EXACT_SECONDS = 300;

/** The address holds tags, window, layout and cursors. */
function useAddress() {
  const [params, setParams] = useSearchParams();
  const tags = usePaths([...new Set(params.getAll("tag"))].slice(0, MOST_TAGS));
  // The window stays the same object while it is the same: whatever is asked depends on it.
  const [from, to] = [params.get("from"), params.get("to")];
  const window = useMemo(() => windowOf(from, to), [from, to]);
  const layout: Layout = params.get("layout") === "lanes" ? "lanes" : "overlay";
  const [a, b] = [Number(params.get("a")) || undefined, Number(params.get("b")) || undefined];
  const cursors: Cursors = useMemo(() => ({ a, b }), [a, b]);
  // Two presses may come before the next drawing: each builds on the one before, not on what is drawn.
  const current = useRef(params);
  current.current = params;
  const change = useCallback(
    (changed: { tags?: readonly string[]; window?: Window; layout?: Layout; cursors?: Cursors }) => {
      const after = new URLSearchParams(current.current);
      const put = (key: string, value: string | number | undefined) =>
        value ? after.set(key, String(value)) : after.delete(key);
      if (changed.tags) {
        after.delete("tag");
        for (const tag of changed.tags) after.append("tag", tag);
      }
      if (changed.window) for (const [key, value] of Object.entries(paramsOf(changed.window))) put(key, value);
      if (changed.layout) put("layout", changed.layout === "lanes" ? "lanes" : "");
      for (const [which, time] of Object.entries(changed.cursors ?? {})) put(which, time);
      current.current = after;
      setParams(after, { replace: true });
    },
    [setParams],
  );
  return { tags, window, layout, cursors, change };
}

/** The span shown now. It follows the hand at once; the address and the questions follow when the hand rests. */
function useSpan(window: Window, onSettled: (window: Window) => void) {
  const [now, setNow] = useState(() => live.now() / 1000);
  const [moving, setMoving] = useState<Span>();
  const settled = useRef(onSettled);
  settled.current = onSettled;
  const isLive = window.live && moving === undefined;
  useEffect(() => {
    if (!isLive) return;
    const timer = setInterval(() => !document.hidden && setNow(live.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [isLive]);
  useEffect(() => {
    if (!moving) return;
    const timer = setTimeout(() => {
      settled.current({ live: false, ...moving });
      setMoving(undefined);
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [moving]);
  return { span: moving ?? spanOf(window, now), move: setMoving, isLive, resting: moving === undefined };
}

export default function Trends() {
  const { tags, window, layout, cursors, change } = useAddress();
  const { theme } = usePreferences();
  const { span, move, isLive, resting } = useSpan(window, (settled) => change({ window: settled }));
  // Samples come over the socket; means of intervals have to be asked for.
  const [exact, setExact] = useState(true);
  const often = Math.max(15, window.live ? window.seconds / 60 : 0);
  const drawn = useDrawn(tags, useAskedSpan(window, exact ? EXACT_SECONDS : often));
  useEffect(() => setExact(drawn.data?.step === 0), [drawn.data?.step]);
  // After the chart's own question: both at once would take turns at the server.
  const statistics = useStatistics(tags, useAskedSpan(window, often), drawn.data !== undefined && !drawn.isFetching);
  const named = useTags(tags).data;
  const grown = useGrown(tags, drawn.data?.series, isLive && drawn.data?.step === 0, span);
  const [hover] = useState(() => new Hover());
  const [placing, place] = useState<Cursor>("a");

  const lines = useMemo(() => linesOf(tags, grown, named, theme), [tags, grown, named, theme]);
  const preset = window.live ? PRESETS.find((each) => each.seconds === window.seconds)?.name : undefined;
  const middle = (span.from + span.to) / 2;

  return (
    <div className="page full">
      <PageHead title={t("trends.title")} sub={t("trends.help")}>
        <Download files={filesOf(tags, span, drawn.data)} disabled={tags.length === 0} />
      </PageHead>
      <Panel className="trend-controls">
        <Picker tags={tags} most={MOST_TAGS} onChange={(chosen) => change({ tags: chosen })} />
        <Choice
          label={t("trends.window")}
          value={preset}
          options={PRESETS.map(({ name }) => ({ value: name, label: t(`trends.last_${name}`) }))}
          onChange={(name) =>
            change({ window: { live: true, seconds: PRESETS.find((each) => each.name === name)?.seconds ?? 900 } })
          }
        />
        <Choice<Layout>
          label={t("trends.layout")}
          value={layout}
          onChange={(chosen) => change({ layout: chosen })}
          options={[
            { value: "overlay", label: t("trends.overlay") },
            { value: "lanes", label: t("trends.lanes") },
          ]}
        />
        <span className="button-row">
          <Move name="trends.earlier" icon={<LeftOutlined />} onClick={() => move(panned(span, -0.5))} />
          <Move name="trends.out" icon={<ZoomOutOutlined />} onClick={() => move(zoomed(span, 2, middle))} />
          <Move name="trends.in" icon={<ZoomInOutlined />} onClick={() => move(zoomed(span, 0.5, middle))} />
          <Move name="trends.later" icon={<RightOutlined />} onClick={() => move(panned(span, 0.5))} />
        </span>
        <Choice<Cursor>
          label={t("trends.cursor")}
          value={placing}
          onChange={place}
          options={[
            { value: "a", label: "A" },
            { value: "b", label: "B" },
          ]}
        />
      </Panel>
      {drawn.error && <ProblemBox problem={drawn.error} onRetry={() => void drawn.refetch()} />}
      <Panel className="flush trend-panel">
        <div className="trend-head">
          <span className={isLive ? "chip good" : "chip"}>{isLive ? t("trends.live") : t("trends.fixed")}</span>
          <span className="mono">
            {format.dateTime(span.from)} … {format.dateTime(span.to)}
          </span>
          <span className="quiet">
            {drawn.data &&
              tags.length > 0 &&
              (drawn.data.step === 0
                ? t("trends.raw")
                : t("trends.step", { step: format.age(drawn.data.step), source: sourceOf(drawn.data) }))}
          </span>
          <span className="grow" />
          {drawn.data && tags.length > 0 && <Key drawn={drawn.data} />}
          {(drawn.isFetching || !resting) && <LoadingOutlined />}
        </div>
        {tags.length === 0 ? (
          <Nothing title={t("trends.none")}>
            <p>{t("trends.none_hint")}</p>
          </Nothing>
        ) : (
          <Suspense fallback={<div className="trend-chart" />}>
            <Chart
              lines={lines}
              span={span}
              layout={layout}
              cursors={cursors}
              placing={placing}
              onSpan={move}
              onHover={hover.set}
              onCursor={(which, time) => change({ cursors: { [which]: Math.round(time) } })}
            />
          </Suspense>
        )}
      </Panel>
      {tags.length > 0 && (
        <Panel className="flush">
          <Legend
            lines={lines}
            tags={named}
            hover={hover}
            span={span}
            cursors={cursors}
            statistics={statistics.data}
            onRemove={(path) => change({ tags: tags.filter((tag) => tag !== path) })}
            onClear={() => change({ cursors: { a: undefined, b: undefined } })}
          />
        </Panel>
      )}
    </div>
  );
}

// texts: trends.source.*
function sourceOf({ source }: Drawn): string {
  return source
    .split("+")
    .map((each) => t(`trends.source.${each}`))
    .join(" + ");
}

/** What the colours behind the lines mean. */
function Key({ drawn }: { drawn: Drawn }) {
  const banded = [...drawn.series.values()].some((series) => series.low.length > 0);
  return (
    <span className="trend-key quiet">
      {banded && (
        <span>
          <i className="band" aria-hidden="true" />
          {t("trends.key_band")}
        </span>
      )}
      <span>
        <i className="uncertain" aria-hidden="true" />
        {t("trends.key_uncertain")}
      </span>
      <span>
        <i className="bad" aria-hidden="true" />
        {t("trends.key_bad")}
      </span>
    </span>
  );
}

function Move({ name, icon, onClick }: { name: string; icon: React.ReactNode; onClick: () => void }) {
  return (
    <Tooltip title={t(name)}>
      <Button icon={icon} aria-label={t(name)} onClick={onClick} />
    </Tooltip>
  );
}
