/** Under the chart: what each line is, its value now, where the mouse and the cursors are, and figures of the window. */

import { CloseOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link } from "react-router";
import type { TagView } from "~/api/queries";
import * as format from "~/parts/format";
import { LiveValue } from "~/parts/live";
import type { Cursors, Line } from "~/parts/trend/chart";
import type { Statistics } from "~/parts/trend/figures";
import { shortName } from "~/parts/trend/picker";
import { at } from "~/parts/trend/series";
import type { Span } from "~/parts/trend/window";
import { t } from "~/texts";
import { type Hover, useHover } from "./hover";

const DAY = 86_400_000;

interface LegendProps {
  lines: Line[];
  tags: Map<string, TagView> | undefined;
  hover: Hover;
  span: Span;
  cursors: Cursors;
  statistics: Map<string, Statistics> | undefined;
  onRemove: (path: string) => void;
  onClear: () => void;
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? "—" : format.number(value);
}

export function Legend({ lines, tags, hover: mouse, span, cursors, statistics, onRemove, onClear }: LegendProps) {
  const hover = useHover(mouse);
  const both = cursors.a !== undefined && cursors.b !== undefined;
  // A time of day alone says too little in a longer window, and of a cursor outside of it.
  const clear = (time: number) => span.to - span.from <= DAY && span.from <= time && time <= span.to;
  const when = (time: number | undefined) =>
    time !== undefined && (
      <small className="quiet"> {clear(time) ? format.clockTime(time) : format.dateTime(time)}</small>
    );
  return (
    <div className="table-scroll">
      <table className="plain-table trend-legend">
        <thead>
          <tr>
            <th>{t("trends.tag")}</th>
            <th className="number">{t("trends.now")}</th>
            <th className="number">
              {t("trends.at_mouse")}
              {when(hover)}
            </th>
            <th className="number">A{when(cursors.a)}</th>
            <th className="number">B{when(cursors.b)}</th>
            <th className="number">
              {both ? `B − A (${format.age(Math.abs((cursors.b as number) - (cursors.a as number)) / 1000)})` : "B − A"}
            </th>
            <th className="number">{t("trends.minimum")}</th>
            <th className="number">{t("trends.mean")}</th>
            <th className="number">{t("trends.maximum")}</th>
            <th className="number">{t("trends.deviation")}</th>
            <th className="number">{t("trends.good")}</th>
            <th>
              {(cursors.a ?? cursors.b) !== undefined && (
                <Button size="small" type="link" onClick={onClear}>
                  {t("trends.clear_cursors")}
                </Button>
              )}
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ series, colour, unit }) => {
            const tag = tags?.get(series.path);
            const mine = statistics?.get(series.path);
            const read = (time: number | undefined) =>
              time === undefined ? undefined : at(series.points, time)?.value;
            const [a, b] = [read(cursors.a), read(cursors.b)];
            return (
              <tr key={series.path}>
                <td>
                  <svg className="swatch" viewBox="0 0 14 14" aria-hidden="true">
                    <rect width="14" height="14" rx="3" fill={colour} />
                  </svg>
                  <Link to={`/devices/${encodeURIComponent(tag?.device ?? "")}`} title={series.path}>
                    {shortName(series.path)}
                  </Link>{" "}
                  <small className="quiet">{[tag?.description, unit].filter(Boolean).join(" · ")}</small>
                </td>
                <td className="number">
                  <LiveValue path={series.path} />
                </td>
                <td className="number">{figure(read(hover))}</td>
                <td className="number">{figure(a)}</td>
                <td className="number">{figure(b)}</td>
                <td className="number">{typeof a === "number" && typeof b === "number" ? figure(b - a) : "—"}</td>
                <td className="number">{figure(mine?.minimum)}</td>
                <td className="number">{figure(mine?.mean)}</td>
                <td className="number">{figure(mine?.maximum)}</td>
                <td className="number">{figure(mine?.deviation)}</td>
                <td className="number">{typeof mine?.good === "number" ? `${mine.good.toFixed(1)} %` : "—"}</td>
                <td>
                  <Button
                    size="small"
                    type="text"
                    icon={<CloseOutlined />}
                    aria-label={t("trends.remove", { name: shortName(series.path) })}
                    onClick={() => onRemove(series.path)}
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
