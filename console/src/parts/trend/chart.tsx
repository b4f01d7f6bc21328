/** The chart: drawn by ECharts, moved by wheel, drag, two fingers and keys; it tells its owner what people want to see. */

import { LineChart } from "echarts/charts";
import { AxisPointerComponent, GridComponent, MarkAreaComponent } from "echarts/components";
import { type ECharts, init, use as register } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { preferences, usePreferences } from "~/app/preferences";
import * as format from "~/parts/format";
import { t } from "~/texts";
import { runsOf, type Series } from "./series";
import { panned, type Span, zoomed } from "./window";

register([LineChart, GridComponent, AxisPointerComponent, MarkAreaComponent, CanvasRenderer]);

export interface Line {
  series: Series;
  colour: string;
  /** Values hold until the next one. */
  stepped: boolean;
  name: string;
  unit: string;
}

export type Layout = "overlay" | "lanes";

export type Cursor = "a" | "b";

export interface Cursors {
  a?: number;
  b?: number;
}

interface ChartProps {
  lines: Line[];
  span: Span;
  layout: Layout;
  cursors: Cursors;
  onSpan: (span: Span) => void;
  onHover: (time: number | undefined) => void;
  onCursor: (which: Cursor, time: number) => void;
  /** Which cursor a click sets. */
  placing?: Cursor;
  /** It only shows: the wheel scrolls the page that it stands on. */
  still?: boolean;
}

const LEFT = 64;
const AXIS = 58;
const RIGHT = 24;
const TOP = 16;
const BOTTOM = 28;
const BAND_OPACITY = 0.16;
/** A cursor is this part of the window wide: about a pixel. */
const SLIVERS = 900;

/** Colours of the theme in force. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    text: colour("--quiet"),
    line: colour("--line"),
    strong: colour("--line-strong"),
    accent: colour("--accent"),
    panel: colour("--panel"),
    uncertain: colour("--warn"),
    bad: colour("--bad"),
  };
}

type Palette = ReturnType<typeof palette>;

/** Which axis each line has, and where each axis stands. Lines of one unit share one; in lanes each has its own. */
function places(
  lines: readonly Line[],
  layout: Layout,
): { axis: number[]; axes: { unit: string; lane: number; side: number }[] } {
  // A chart without lines still has its axes.
  if (lines.length === 0) return { axis: [], axes: [{ unit: "", lane: 0, side: 0 }] };
  if (layout === "lanes") {
    return {
      axis: lines.map((_, index) => index),
      axes: lines.map((line, lane) => ({ unit: line.unit, lane, side: 0 })),
    };
  }
  const units = [...new Set(lines.map((line) => line.unit))];
  return {
    axis: lines.map((line) => units.indexOf(line.unit)),
    axes: units.map((unit, side) => ({ unit, lane: 0, side })),
  };
}

function option({ lines, span, layout, cursors }: ChartProps, height: number) {
  const colours = palette();
  const { axis, axes } = places(lines, layout);
  const lanes = layout === "lanes" ? Math.max(1, lines.length) : 1;
  const room = (height - TOP - BOTTOM) / lanes;
  const left = layout === "lanes" ? LEFT : LEFT + AXIS * Math.max(0, Math.ceil(axes.length / 2) - 1);
  const right = layout === "lanes" ? RIGHT : RIGHT + AXIS * Math.floor(axes.length / 2);
  return {
    animation: false,
    // Where days begin, and with them the lines of the grid.
    useUTC: preferences.get().utc,
    grid: Array.from({ length: lanes }, (_, lane) => ({
      left,
      right,
      top: TOP + lane * room,
      height: room - (lanes > 1 ? 16 : 0),
      containLabel: false,
    })),
    axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: colours.strong }, label: { show: false } },
    xAxis: Array.from({ length: lanes }, (_, lane) => timeAxis(span, lane, lane === lanes - 1, colours)),
    yAxis: axes.map((place, index) => valueAxis(place, index, axes.length, layout, lines, axis, colours)),
    series: lines.flatMap((line, index) =>
      seriesOf(
        line,
        axis[index] ?? 0,
        layout === "lanes" ? index : 0,
        span,
        cursors,
        index === 0 || layout === "lanes",
        colours,
      ),
    ),
  };
}

function timeAxis(span: Span, lane: number, labelled: boolean, colours: Palette) {
  const days = span.to - span.from > 86_400_000;
  return {
    type: "time",
    gridIndex: lane,
    min: span.from,
    max: span.to,
    axisPointer: { show: true, type: "line", triggerTooltip: false, triggerEmphasis: false },
    axisLine: { lineStyle: { color: colours.strong } },
    axisTick: { show: labelled },
    splitLine: { show: true, lineStyle: { color: colours.line } },
    axisLabel: {
      show: labelled,
      color: colours.text,
      hideOverlap: true,
      formatter: (time: number) => (days ? format.dateTime(time).slice(0, -3) : format.clockTime(time)),
    },
    splitNumber: days ? 5 : 8,
  };
}

function valueAxis(
  place: { unit: string; lane: number; side: number },
  index: number,
  count: number,
  layout: Layout,
  lines: readonly Line[],
  axis: readonly number[],
  colours: Palette,
) {
  const only = lines.filter((_, line) => axis[line] === index);
  const colour = count > 1 && only.length === 1 ? (only[0] as Line).colour : colours.text;
  const rightward = layout === "overlay" && place.side % 2 === 1;
  return {
    type: "value",
    gridIndex: place.lane,
    scale: true,
    position: rightward ? "right" : "left",
    offset: layout === "overlay" ? Math.floor(place.side / 2) * AXIS : 0,
    name: place.unit,
    nameLocation: "end",
    nameGap: 4,
    nameTextStyle: { color: colour, align: rightward ? "left" : "right", padding: [0, 6, 0, 0] },
    axisLine: { show: true, lineStyle: { color: count > 1 ? colour : colours.strong } },
    axisLabel: { color: colour, formatter: (value: number) => format.tick(value), showMinLabel: layout === "overlay" },
    splitLine: { show: index === 0 || layout === "lanes", lineStyle: { color: colours.line } },
    splitNumber: layout === "lanes" ? 2 : 5,
  };
}

function seriesOf(
  line: Line,
  axis: number,
  lane: number,
  span: Span,
  cursors: Cursors,
  marked: boolean,
  colours: Palette,
) {
  const { points, low, high } = line.series;
  const common = {
    type: "line",
    xAxisIndex: lane,
    yAxisIndex: axis,
    showSymbol: false,
    symbol: "none",
    silent: true,
    connectNulls: false,
    animation: false,
    step: line.stepped ? "end" : false,
  };
  // A cursor is an area as narrow as a line: a component less to load.
  const sliver = (span.to - span.from) / SLIVERS;
  const marks = (marked ? (["a", "b"] as const) : []).flatMap((which) => {
    const time = cursors[which];
    const style = {
      itemStyle: { color: colours.accent, opacity: 1 },
      label: { show: true, position: "insideTopLeft", color: colours.accent },
    };
    return time === undefined ? [] : [[{ xAxis: time, name: which.toUpperCase(), ...style }, { xAxis: time + sliver }]];
  });
  const bands = runsOf(points, span.to).map((run) => [
    { xAxis: run.from, itemStyle: { color: colours[run.severity], opacity: BAND_OPACITY } },
    { xAxis: run.to },
  ]);
  const main = {
    ...common,
    id: line.series.path,
    name: line.name,
    data: points.map((point) => [point.time, point.value]),
    lineStyle: { color: line.colour, width: 1.6 },
    itemStyle: { color: line.colour },
    z: 3,
    markArea: { silent: true, data: [...bands, ...marks] },
  };
  if (low.length !== points.length || low.length === 0) return [main];
  const stack = `band ${line.series.path}`;
  return [
    main,
    {
      ...common,
      id: `${stack} low`,
      stack,
      stackStrategy: "all",
      lineStyle: { opacity: 0 },
      data: points.map((point, index) => [point.time, low[index] ?? null]),
      z: 1,
    },
    {
      ...common,
      id: `${stack} high`,
      stack,
      stackStrategy: "all",
      lineStyle: { opacity: 0 },
      areaStyle: { color: line.colour, opacity: BAND_OPACITY },
      z: 1,
      data: points.map((point, index) => {
        const [least, most] = [low[index], high[index]];
        return [
          point.time,
          least === null || most === null || least === undefined || most === undefined ? null : most - least,
        ];
      }),
    },
  ];
}

export function Chart(props: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const mouse = useRef<{ x: number; y: number }>(undefined);

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const made = init(element, null, { renderer: "canvas" });
    chart.current = made;
    if (!latest.current.still) listen(made, latest, mouse);
    const size = () => `${element.clientWidth} ${element.clientHeight}`;
    let drawn = size();
    const observer = new ResizeObserver(() => {
      // It also tells the size at the beginning, for which all is drawn already.
      if (size() === drawn) return;
      drawn = size();
      made.resize();
      made.setOption(option(latest.current, element.clientHeight), { notMerge: true, lazyUpdate: true });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, []);

  const { lines, span, layout, cursors } = props;
  const { theme, language, utc } = usePreferences();
  useEffect(() => {
    chart.current?.setOption(option(latest.current, holder.current?.clientHeight ?? 400), { notMerge: true });
    // Drawn anew, the chart forgets where the mouse is.
    if (mouse.current)
      chart.current?.dispatchAction({ type: "updateAxisPointer", currTrigger: "mousemove", ...mouse.current });
  }, [lines, span.from, span.to, layout, cursors, theme, language, utc]);

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { span, onSpan, onCursor } = latest.current;
    const middle = (span.from + span.to) / 2;
    const key = event.key.toLowerCase();
    if (key === "a" || key === "b") {
      event.preventDefault();
      onCursor(key, mouse.current && chart.current ? timeAt(chart.current, mouse.current.x, span) : middle);
      return;
    }
    const moves: Record<string, () => Span> = {
      ArrowLeft: () => panned(span, -0.2),
      ArrowRight: () => panned(span, 0.2),
      "+": () => zoomed(span, 0.5, middle),
      "=": () => zoomed(span, 0.5, middle),
      "-": () => zoomed(span, 2, middle),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    onSpan(move());
  }

  if (props.still) return <div ref={holder} className="trend-chart still" role="img" aria-label={t("trends.title")} />;
  return (
    <div
      ref={holder}
      className="trend-chart"
      role="group"
      tabIndex={0}
      onKeyDown={onKey}
      aria-label={t("trends.chart")}
    />
  );
}

/** The time at a place of the chart. */
function timeAt(chart: ECharts, x: number, span: Span): number {
  const found = chart.convertFromPixel({ xAxisIndex: 0 }, x) as unknown as number;
  return Number.isFinite(found) ? found : span.to;
}

/** Wheel and two fingers zoom, drag moves, a click sets a cursor (the second one with Shift). */
function listen(
  chart: ECharts,
  latest: { current: ChartProps },
  mouse: { current: { x: number; y: number } | undefined },
): void {
  const zr = chart.getZr();
  let grabbed: { x: number; span: Span; moved: boolean } | undefined;
  const timeOf = (x: number): number => timeAt(chart, x, latest.current.span);
  const perPixel = () => {
    const { span } = latest.current;
    const [left, right] = [span.from, span.to].map(
      (time) => chart.convertToPixel({ xAxisIndex: 0 }, time) as unknown as number,
    );
    return (span.to - span.from) / Math.max(1, (right ?? 1) - (left ?? 0));
  };
  zr.on("mousewheel", (event) => {
    event.event.preventDefault?.();
    latest.current.onSpan(zoomed(latest.current.span, event.wheelDelta > 0 ? 0.8 : 1.25, timeOf(event.offsetX)));
  });
  zr.on("pinch", (event) => {
    grabbed = undefined; // what began as a drag of the first finger
    if (event.pinchScale > 0)
      latest.current.onSpan(zoomed(latest.current.span, 1 / event.pinchScale, timeOf(event.pinchX)));
  });
  zr.on("mousedown", (event) => {
    grabbed = { x: event.offsetX, span: latest.current.span, moved: false };
  });
  zr.on("mousemove", (event) => {
    mouse.current = { x: event.offsetX, y: event.offsetY };
    latest.current.onHover(timeOf(event.offsetX));
    if (!grabbed) return;
    const by = event.offsetX - grabbed.x;
    if (Math.abs(by) > 4) grabbed.moved = true;
    if (grabbed.moved) {
      const ms = Math.round(by * perPixel());
      latest.current.onSpan({ from: grabbed.span.from - ms, to: grabbed.span.to - ms });
    }
  });
  zr.on("mouseup", (event) => {
    const { placing = "a", onCursor } = latest.current;
    if (grabbed && !grabbed.moved) onCursor(event.event.shiftKey ? "b" : placing, timeOf(event.offsetX));
    grabbed = undefined;
  });
  zr.on("globalout", () => {
    grabbed = undefined;
    mouse.current = undefined;
    latest.current.onHover(undefined);
  });
}
