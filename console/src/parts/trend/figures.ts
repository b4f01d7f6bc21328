/** Figures of a long window, put together from those of its intervals: these the server has in its rollups. */

import type { Span } from "./window";

export interface Statistics {
  minimum?: number | null;
  maximum?: number | null;
  mean?: number | null;
  deviation?: number | null;
  good?: number | null;
}

/** What is asked of each interval. */
export const PARTS = {
  minimum: "Minimum",
  maximum: "Maximum",
  mean: "TimeAverage",
  good: "PercentGood",
  count: "Count",
  average: "Average",
  variance: "VarianceSample",
} as const;

/** One interval of a tag; what it has no value of is not there. */
export type Part = { start: number } & Partial<Record<keyof typeof PARTS, number | null>>;

const HOUR = 3_600_000;
/** Windows up to this long are worked out from the samples themselves, all at once. */
const WHOLE = 48 * HOUR;

/** The window from a whole hour on, and its intervals in seconds; undefined where the samples themselves are asked. */
export function cut(span: Span, most: number): { span: Span; step: number } | undefined {
  if (span.to - span.from <= WHOLE) return undefined;
  const from = Math.floor(span.from / HOUR) * HOUR;
  return { span: { from, to: span.to }, step: 3600 * Math.ceil((span.to - from) / HOUR / most) };
}

/** The figures of all intervals together, each `step` seconds long but the last, which ends at `end`. */
export function together(parts: readonly Part[], step: number, end: number): Statistics {
  const weighed = parts.map((part) => ({ ...part, weight: Math.min(step * 1000, end - part.start) }));
  const all = weighed.reduce((sum, part) => sum + part.weight, 0);
  const lived = weighed.filter((part) => isNumber(part.mean));
  const seconds = lived.reduce((sum, part) => sum + part.weight, 0);
  return {
    minimum: least(parts.map((part) => part.minimum)),
    maximum: most(parts.map((part) => part.maximum)),
    mean: seconds > 0 ? lived.reduce((sum, part) => sum + (part.mean ?? 0) * part.weight, 0) / seconds : null,
    deviation: deviation(parts),
    good: all > 0 ? weighed.reduce((sum, part) => sum + (part.good ?? 0) * part.weight, 0) / all : null,
  };
}

/** Of all samples: what they deviate within each interval, and what the intervals' means deviate from that of all. */
function deviation(parts: readonly Part[]): number | null {
  const held = parts.map(({ count, average, variance }) => ({
    count: count ?? 0,
    average: average ?? 0,
    variance: variance ?? 0,
  }));
  const count = held.reduce((sum, part) => sum + part.count, 0);
  if (count < 2) return null;
  const mean = held.reduce((sum, part) => sum + part.average * part.count, 0) / count;
  const squares = held.reduce(
    (sum, part) => sum + part.variance * Math.max(0, part.count - 1) + part.count * (part.average - mean) ** 2,
    0,
  );
  return Math.sqrt(squares / (count - 1));
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number";
}

function least(values: readonly (number | null | undefined)[]): number | null {
  const found = values.filter(isNumber);
  return found.length ? Math.min(...found) : null;
}

function most(values: readonly (number | null | undefined)[]): number | null {
  const found = values.filter(isNumber);
  return found.length ? Math.max(...found) : null;
}
