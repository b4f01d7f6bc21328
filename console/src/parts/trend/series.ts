/** What is drawn of a tag: its values, where their quality is less than good, and what they are at a moment. */

export interface Point {
  /** Milliseconds since 1970. */
  time: number;
  /** null where there is no value: the line is broken there. */
  value: number | null;
  quality: number;
}

export interface Series {
  path: string;
  unit: string;
  points: Point[];
  /** Lowest and highest of each interval, beside its mean; empty where the samples themselves are drawn. */
  low: (number | null)[];
  high: (number | null)[];
}

export interface Run {
  from: number;
  to: number;
  severity: "uncertain" | "bad";
}

const NO_DATA = 0x809b0000;

export function severity(quality: number): "good" | "uncertain" | "bad" {
  const bits = quality >>> 30;
  return bits === 0 ? "good" : bits === 1 ? "uncertain" : "bad";
}

export function numeric(value: number | boolean | string | null): number | null {
  if (typeof value === "number") return value;
  return typeof value === "boolean" ? Number(value) : null;
}

/** Stretches whose quality is less than good. Where there is nothing the broken line says so already. */
export function runsOf(points: readonly Point[], end: number): Run[] {
  const runs: Run[] = [];
  points.forEach((point, index) => {
    const found = severity(point.quality);
    if (found === "good" || (point.quality & 0xffff0000) >>> 0 === NO_DATA) return;
    const to = points[index + 1]?.time ?? end;
    const last = runs.at(-1);
    if (last && last.to === point.time && last.severity === found) last.to = to;
    else runs.push({ from: point.time, to, severity: found });
  });
  return runs;
}

/** The newest point at or before a moment; undefined where there is none. */
export function at(points: readonly Point[], time: number): Point | undefined {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle] as Point).time <= time) low = middle + 1;
    else high = middle;
  }
  return points[low - 1];
}

/** The points with a newer one behind them, without those that lie before `from`. */
export function appended(points: readonly Point[], point: Point, from: number): Point[] {
  const last = points.at(-1);
  if (last && last.time >= point.time) return points as Point[];
  // One point before the window stays: the line comes in from the left edge.
  let first = 0;
  while (first + 1 < points.length && (points[first + 1] as Point).time < from) first += 1;
  return [...points.slice(first), point];
}

/** As `appended`, with the line broken before the point: what lies between was missed. */
export function broken(points: readonly Point[], point: Point, from: number): Point[] {
  const last = points.at(-1);
  if (last && last.time >= point.time) return points as Point[];
  const gap = { time: last ? (last.time + point.time) / 2 : point.time - 1, value: null, quality: NO_DATA };
  return appended(appended(points, gap, from), point, from);
}
