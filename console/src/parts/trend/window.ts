/** The stretch of time that a chart shows, how it moves, and how finely it is asked for. */

export interface Span {
  /** Milliseconds since 1970. */
  from: number;
  to: number;
}

/** Up to now and moving on, or fixed. */
export type Window = { live: true; seconds: number } | ({ live: false } & Span);

export const PRESETS: readonly { name: string; seconds: number }[] = [
  { name: "5m", seconds: 300 },
  { name: "15m", seconds: 900 },
  { name: "1h", seconds: 3600 },
  { name: "8h", seconds: 28_800 },
  { name: "1d", seconds: 86_400 },
  { name: "7d", seconds: 604_800 },
  { name: "30d", seconds: 2_592_000 },
];

const SHORTEST = 1000;
const LONGEST = 20 * 366 * 86_400_000;
/** Windows up to this long are drawn from the samples as they are stored. */
const RAW_SECONDS = 1200;
/** Interval lengths that divide a minute, an hour or a day: rollups are kept by these, so the server can use them. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
];

export function spanOf(window: Window, now: number): Span {
  return window.live ? { from: now - window.seconds * 1000, to: now } : { from: window.from, to: window.to };
}

/** Values of one answer, at most, by the server's own limit. */
const MOST_VALUES = 10_000;
const MOST_POINTS = 600;
/** A span that is widened to whole steps has so many values more. */
const WIDENED = 2;

/** So many values of each of some tags are asked for at most: all of them come in one answer. */
export function mostPoints(tags: number): number {
  return Math.min(MOST_POINTS, Math.floor(MOST_VALUES / tags) - WIDENED);
}

/** Seconds between the values asked for, so that at most `most` are drawn; 0: the samples themselves. */
export function stepFor(span: Span, most: number): number {
  const seconds = (span.to - span.from) / 1000;
  if (seconds <= RAW_SECONDS) return 0;
  return STEPS.find((step) => seconds / step <= most) ?? (STEPS.at(-1) as number);
}

/** The span widened to whole steps. */
export function aligned(span: Span, step: number): Span {
  const ms = step * 1000;
  return { from: Math.floor(span.from / ms) * ms, to: Math.ceil(span.to / ms) * ms };
}

/** The span made longer or shorter by a factor around a moment in it. */
export function zoomed(span: Span, factor: number, at: number): Span {
  const length = Math.min(LONGEST, Math.max(SHORTEST, (span.to - span.from) * factor));
  const share = (at - span.from) / (span.to - span.from);
  return { from: Math.round(at - length * share), to: Math.round(at + length * (1 - share)) };
}

/** The span moved by a share of its length. */
export function panned(span: Span, share: number): Span {
  const by = Math.round((span.to - span.from) * share);
  return { from: span.from + by, to: span.to + by };
}

/** What stands in the address: `from=-15m`, or two times. */
export function windowOf(from: string | null, to: string | null): Window {
  const preset = /^-(\d+)([smhd])$/.exec(from ?? "-15m");
  if (preset) {
    const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[preset[2] as "s" | "m" | "h" | "d"];
    const seconds = Number(preset[1]) * unit;
    return { live: true, seconds: Math.min(Math.max(seconds, 1), LONGEST / 1000) };
  }
  const span = { from: Date.parse(from ?? ""), to: Date.parse(to ?? "") };
  if (!(span.from < span.to)) return { live: true, seconds: 900 };
  return { live: false, ...span };
}

export function paramsOf(window: Window): { from: string; to: string } {
  if (!window.live) return { from: new Date(window.from).toISOString(), to: new Date(window.to).toISOString() };
  const preset = PRESETS.find((each) => each.seconds === window.seconds);
  return { from: preset ? `-${preset.name}` : `-${Math.round(window.seconds)}s`, to: "" };
}
