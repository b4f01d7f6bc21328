/** An answer as a chart: lines along times or numbers, bars beside names. */

import { LineChart } from "echarts/charts";
import { AxisPointerComponent, GridComponent } from "echarts/components";
import { init, use as register } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef, useState } from "react";
import { preferences, usePreferences } from "~/app/preferences";
import * as format from "~/parts/format";
import { coloursOf } from "~/parts/trend/colours";
import { t } from "~/texts";
import type { Plot } from "./result";

register([LineChart, GridComponent, AxisPointerComponent, CanvasRenderer]);

const MOST_POINTS_MARKED = 60;

export function PlotOf({ plot }: { plot: Plot }) {
  return (
    <>
      {plot.left > 0 && (
        <p className="quiet sql-note">{t("sql.lines_left", { count: plot.lines.length, left: plot.left })}</p>
      )}
      {plot.x.kind === "name" ? <Bars plot={plot} /> : <Lines plot={plot} />}
    </>
  );
}

function option(plot: Plot, colours: readonly string[]) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    scale: true,
    axisLine: { lineStyle: { color: colour("--line-strong") } },
    splitLine: { show: true, lineStyle: { color: colour("--line") } },
  };
  const time = plot.x.kind === "time";
  const ends = plot.lines.flatMap(({ points }) => [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0]);
  const days = Math.max(...ends) - Math.min(...ends) > 86_400_000;
  const text = { color: colour("--quiet"), hideOverlap: true };
  return {
    animation: false,
    useUTC: preferences.get().utc,
    grid: { left: 72, right: 28, top: 16, bottom: 32 },
    axisPointer: { show: true, type: "line", label: { show: false }, lineStyle: { color: colour("--line-strong") } },
    xAxis: {
      ...axis,
      type: time ? "time" : "value",
      axisLabel: {
        ...text,
        ...(time
          ? { formatter: (at: number) => (days ? format.dateTime(at).slice(0, -3) : format.clockTime(at)) }
          : {}),
      },
    },
    yAxis: {
      ...axis,
      type: "value",
      axisPointer: { show: false },
      axisLabel: { ...text, formatter: (value: number) => format.tick(value) },
    },
    series: plot.lines.map((line, index) => ({
      type: "line",
      name: line.name,
      data: line.points,
      showSymbol: line.points.length < MOST_POINTS_MARKED,
      symbolSize: 4,
      silent: true,
      lineStyle: { width: 1.6, color: colours[index % colours.length] },
      itemStyle: { color: colours[index % colours.length] },
    })),
  };
}

function Lines({ plot }: { plot: Plot }) {
  const { theme, language, utc } = usePreferences();
  const holder = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number>();
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const chart = init(element, null, { renderer: "canvas" });
    chart.setOption(option(plot, coloursOf(theme)));
    chart.getZr().on("mousemove", (event) => {
      const found = chart.convertFromPixel({ xAxisIndex: 0 }, event.offsetX) as unknown as number;
      setAt(Number.isFinite(found) ? found : undefined);
    });
    chart.getZr().on("globalout", () => setAt(undefined));
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.dispose();
    };
  }, [plot, theme, language, utc]);
  return (
    <>
      <div ref={holder} className="sql-chart" role="img" aria-label={t("sql.chart_label", { name: plot.x.name })} />
      <ul className="sql-legend">
        <li className="mono">
          {plot.x.name}
          {at !== undefined && `: ${plot.x.kind === "time" ? format.dateTime(at) : format.number(at)}`}
        </li>
        {plot.lines.map((line, index) => (
          <li key={line.name}>
            <Swatch colour={coloursOf(theme)[index % coloursOf(theme).length] as string} /> {line.name}
            {at !== undefined && <b> {figure(nearest(line.points, at))}</b>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Swatch({ colour }: { colour: string }) {
  return (
    <svg className="sql-swatch" viewBox="0 0 14 14" aria-hidden="true">
      <rect width="14" height="14" rx="3" fill={colour} />
    </svg>
  );
}

function figure(value: number | undefined): string {
  return value === undefined ? "—" : format.number(value);
}

/** The value of the point that is nearest to a place along the bottom. */
function nearest(points: readonly [number, number][], at: number): number | undefined {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle] as [number, number])[0] < at) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [points[low - 1], points[low]];
  const closer = before && (!after || at - before[0] < after[0] - at) ? before : after;
  return closer?.[1];
}

function Bars({ plot }: { plot: Plot }) {
  const { theme } = usePreferences();
  const colours = coloursOf(theme);
  const most = Math.max(...plot.lines.flatMap((line) => line.points.map(([, value]) => Math.abs(value))), 0) || 1;
  return (
    <div className="sql-bars" role="group" tabIndex={0} aria-label={t("sql.chart_label", { name: plot.x.name })}>
      {plot.names.map((name, row) =>
        plot.lines.map((line, index) => {
          const value = line.points.find(([place]) => place === row)?.[1];
          return (
            <div key={`${row} ${line.name}`} className="sql-bar">
              <span title={name}>{index === 0 ? name : ""}</span>
              <span className="sql-bar-track">
                <span
                  style={{
                    width: `${(Math.abs(value ?? 0) / most) * 100}%`,
                    background: colours[index % colours.length],
                  }}
                />
              </span>
              <span className="number">
                {figure(value)} {plot.lines.length > 1 && <small className="quiet">{line.name}</small>}
              </span>
            </div>
          );
        }),
      )}
    </div>
  );
}
