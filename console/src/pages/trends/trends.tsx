/** Any tags in one chart, live and stored; every state of it is in the address. */

import {
  DownloadOutlined,
  LeftOutlined,
  LoadingOutlined,
  RightOutlined,
  ZoomInOutlined,
  ZoomOutOutlined,
} from "@ant-design/icons";
import { Button, Dropdown, Tooltip } from "antd";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import type { Problem } from "~/api/client";
import { usePreferences } from "~/app/preferences";
import { live, useLink, usePaths } from "~/live";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { t } from "~/texts";
import type { Cursors, Layout } from "./chart";
import { useDrawn, useStatistics, useTags } from "./data";
import { downloads } from "./export";
import { linesOf, useAskedSpan, useGrown } from "./follow";
import { Hover } from "./hover";
import { Legend } from "./legend";
import { Picker } from "./picker";
import { PRESETS, panned, paramsOf, type Span, spanOf, type Window, windowOf, zoomed } from "./window";
import "./trends.css";

// It comes while the first question is asked.
const drawing = import("./chart");
const Chart = lazy(async () => ({ default: (await drawing).Chart }));

const MOST_TAGS = 20;
const SETTLE_MS = 250;
/** Samples drawn one by one are asked for anew this often, lest one was missed. */
const EXACT_SECONDS = 300;

/** The address holds tags, window, layout and cursors. */
function useAddress() {
  const [params, setParams] = useSearchParams();
  const tags = usePaths([...new Set(params.getAll("tag"))].slice(0, MOST_TAGS));
  const window = useMemo(() => windowOf(params), [params]);
  const layout: Layout = params.get("layout") === "lanes" ? "lanes" : "overlay";
  const cursors: Cursors = useMemo(
    () => ({ a: Number(params.get("a")) || undefined, b: Number(params.get("b")) || undefined }),
    [params],
  );
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
  const link = useLink();
  const { span, move, isLive, resting } = useSpan(window, (settled) => change({ window: settled }));
  // Samples come over the socket; means of intervals have to be asked for.
  const [exact, setExact] = useState(true);
  const often = Math.max(15, window.live ? window.seconds / 60 : 0);
  // After each new connection anew, for what was missed meanwhile; the first one has missed nothing.
  const drawn = useDrawn(
    tags,
    useAskedSpan(window, exact ? EXACT_SECONDS : often),
    isLive ? Math.max(1, link.number) : 0,
  );
  useEffect(() => setExact(drawn.data?.step === 0), [drawn.data?.step]);
  const statistics = useStatistics(tags, useAskedSpan(window, often), drawn.data !== undefined);
  const named = useTags(tags).data;
  const grown = useGrown(tags, drawn.data?.series, isLive && drawn.data?.step === 0, span);
  const [hover] = useState(() => new Hover());

  const lines = useMemo(() => linesOf(tags, grown, named, theme), [tags, grown, named, theme]);
  const preset = window.live ? PRESETS.find((each) => each.seconds === window.seconds)?.name : undefined;
  const middle = (span.from + span.to) / 2;

  return (
    <div className="page full">
      <PageHead title={t("trends.title")} sub={t("trends.help")}>
        <Dropdown menu={{ items: downloads(tags, span, drawn.data) }} disabled={tags.length === 0} trigger={["click"]}>
          <Button icon={<DownloadOutlined />}>{t("trends.export")}</Button>
        </Dropdown>
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
      </Panel>
      {drawn.error && (
        <p className="notice warn" role="alert">
          {(drawn.error as unknown as Problem).message}
        </p>
      )}
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
                : t("trends.step", { step: format.age(drawn.data.step), source: drawn.data.source }))}
          </span>
          <span className="grow" />
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

function Move({ name, icon, onClick }: { name: string; icon: React.ReactNode; onClick: () => void }) {
  return (
    <Tooltip title={t(name)}>
      <Button icon={icon} aria-label={t(name)} onClick={onClick} />
    </Tooltip>
  );
}
