/** A value on a half circle, with its limits on the rim. */

import { useNow, useSample } from "~/live";
import * as format from "~/parts/format";
import { isOld, LiveAge, LiveValue } from "~/parts/live";
import { numeric } from "~/parts/trend/series";
import { t } from "~/texts";
import { type Limits, scaleOf, toneOf, type Widget } from "../model";
import { useNamed } from "./tags";

const MIDDLE = 60;
const BASE = 62;
const RADIUS = 48;

/** The point of the rim at a share of the scale. */
function point(share: number, radius = RADIUS): string {
  const angle = Math.PI * (1 - share);
  return `${(MIDDLE + radius * Math.cos(angle)).toFixed(2)} ${(BASE - radius * Math.sin(angle)).toFixed(2)}`;
}

function arc(from: number, to: number, radius = RADIUS): string {
  return `M${point(from, radius)} A${radius} ${radius} 0 0 1 ${point(to, radius)}`;
}

/** Stretches of the rim that are noteworthy or wrong. */
function zones(limits: Limits | undefined, share: (value: number) => number) {
  if (!limits) return [];
  const { low_low: lowest, low, high, high_high: highest } = limits;
  const made: { from: number; to: number; tone: "warn" | "bad" }[] = [];
  if (low !== undefined) made.push({ from: 0, to: share(low), tone: "warn" });
  if (lowest !== undefined) made.push({ from: 0, to: share(lowest), tone: "bad" });
  if (high !== undefined) made.push({ from: share(high), to: 1, tone: "warn" });
  if (highest !== undefined) made.push({ from: share(highest), to: 1, tone: "bad" });
  return made.filter((zone) => zone.to > zone.from);
}

export function GaugeWidget({ widget }: { widget: Widget }) {
  const path = widget.tags?.[0] ?? "";
  const tag = useNamed(path);
  const sample = useSample(path);
  const now = useNow();
  const value = numeric(sample?.value ?? null);
  const { low, high } = scaleOf(widget, [value]);
  const share = (given: number) => Math.min(1, Math.max(0, (given - low) / (high - low)));
  const old = isOld(sample, now);
  const tone = old ? "old" : toneOf(value, widget.limits);
  return (
    <div className="board-gauge">
      <svg
        viewBox="0 0 120 72"
        role="img"
        aria-label={t("dashboards.scale", { low: format.tick(low), high: format.tick(high) })}
      >
        <path className="rim" d={arc(0, 1)} />
        {zones(widget.limits, share).map((zone) => (
          <path
            key={`${zone.from} ${zone.tone}`}
            className={`zone ${zone.tone}`}
            d={arc(zone.from, zone.to, RADIUS + 7)}
          />
        ))}
        {value !== null && <path className={`hand ${tone}`} d={arc(0, Math.max(0.004, share(value)))} />}
        <text x={MIDDLE - RADIUS} y={BASE + 9}>
          {format.tick(low)}
        </text>
        <text x={MIDDLE + RADIUS} y={BASE + 9}>
          {format.tick(high)}
        </text>
      </svg>
      <span className="board-figure">
        <LiveValue path={path} unit={tag?.unit} />
      </span>
      <small className="quiet">
        <LiveAge path={path} />
      </small>
    </div>
  );
}
