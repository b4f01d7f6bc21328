/** What the chart asks the server: samples for short windows, aggregates over intervals that rollups know for long ones. */

import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useRef } from "react";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { cut, PARTS, type Part, type Statistics, together } from "./figures";
import { numeric, type Point, type Series } from "./series";
import { aligned, mostPoints, type Span, stepFor } from "./window";

/** Samples of one answer, at most, by the server's own limit. */
const MOST_SAMPLES = 10_000;
/** With more tags than this the bands between lowest and highest would hide each other. */
const MOST_BANDS = 4;

export interface Drawn {
  series: Map<string, Series>;
  span: Span;
  /** Seconds between values; 0: samples. */
  step: number;
  /** What the server made them from. */
  source: string;
}

type Value = Schemas["Value"];

const iso = (ms: number) => new Date(ms).toISOString();

async function processed(
  tags: readonly string[],
  span: Span,
  interval: string,
  aggregate: string,
  signal?: AbortSignal,
) {
  const query = { tag: [...tags], from: iso(span.from), to: iso(span.to), interval, aggregate };
  const ask = (cursor?: string) =>
    take(api.GET("/api/v1/history/processed", { params: { query: { ...query, cursor } }, signal }));
  let page = await ask();
  const { items, source } = page;
  // Very long windows of many tags have more values than one page: without the rest the last tags would end early.
  while (page.next !== null) {
    page = await ask(page.next);
    items.push(...page.items);
  }
  return { items, source };
}

function sorted(
  items: readonly { path: string; unit: string; time: string; value: Value["value"]; quality: number }[],
  tags: readonly string[],
) {
  const series = new Map<string, Series>(tags.map((path) => [path, { path, unit: "", points: [], low: [], high: [] }]));
  for (const item of items) {
    const mine = series.get(item.path);
    if (!mine) continue;
    mine.unit = item.unit;
    mine.points.push({
      time: Date.parse(item.time),
      value: numeric(item.value),
      quality: item.quality,
    } satisfies Point);
  }
  return series;
}

async function samples(tags: readonly string[], span: Span, signal: AbortSignal): Promise<Drawn | null> {
  const query = { tag: [...tags], from: iso(span.from), to: iso(span.to), limit: MOST_SAMPLES };
  const page = await take(api.GET("/api/v1/history/raw", { params: { query }, signal }));
  if (page.next !== null) return null; // more than can be drawn one by one
  return { series: sorted(page.items, tags), span, step: 0, source: "raw" };
}

async function intervals(tags: readonly string[], span: Span, step: number, signal: AbortSignal): Promise<Drawn> {
  const whole = aligned(span, step);
  const banded = tags.length <= MOST_BANDS;
  const [mean, low, high] = await Promise.all([
    processed(tags, whole, `${step}s`, "Average", signal),
    banded ? processed(tags, whole, `${step}s`, "Minimum", signal) : null,
    banded ? processed(tags, whole, `${step}s`, "Maximum", signal) : null,
  ]);
  const series = sorted(mean.items, tags);
  for (const item of low?.items ?? []) series.get(item.path)?.low.push(numeric(item.value));
  for (const item of high?.items ?? []) series.get(item.path)?.high.push(numeric(item.value));
  return { series, span: whole, step, source: mean.source };
}

async function drawn(tags: readonly string[], span: Span, signal: AbortSignal): Promise<Drawn> {
  const most = mostPoints(tags.length);
  const step = stepFor(span, most);
  const exact = step === 0 ? await samples(tags, span, signal) : null;
  const seconds = (span.to - span.from) / 1000;
  return exact ?? intervals(tags, span, step || Math.max(1, Math.ceil(seconds / most)), signal);
}

/** What was answered last, also once a newer question failed: the error is told beside it. */
function useKept<T>(query: UseQueryResult<T>) {
  const last = useRef<T>(undefined);
  if (query.data !== undefined) last.current = query.data;
  const { error, isFetching, refetch } = query;
  return { data: last.current, error: error as unknown as Problem | null, isFetching, refetch };
}

/** Everything that the chart needs for a span; the one before stays until the next is there. */
export function useDrawn(tags: readonly string[], span: Span) {
  return useKept(
    useQuery({
      queryKey: ["trend", tags, span],
      queryFn: ({ signal }) => drawn(tags, span, signal),
      enabled: tags.length > 0,
      placeholderData: keepPreviousData,
      staleTime: 60_000,
      gcTime: 60_000,
    }),
  );
}

const FIGURES = [
  ["minimum", "Minimum"],
  ["maximum", "Maximum"],
  ["mean", "TimeAverage"],
  ["deviation", "StandardDeviationSample"],
  ["good", "PercentGood"],
] as const;

/** Of samples: one after the other, each reads the whole span, and whoever moves on meanwhile asks for no more of them. */
async function whole(tags: readonly string[], span: Span, signal: AbortSignal): Promise<Map<string, Statistics>> {
  const found = new Map<string, Statistics>(tags.map((path) => [path, {}]));
  for (const [field, aggregate] of FIGURES) {
    const page = await processed(tags, span, "0", aggregate, signal);
    for (const item of page.items) {
      const mine = found.get(item.path);
      if (mine) mine[field] = numeric(item.value);
    }
  }
  return found;
}

/** Of intervals that the server has in its rollups. */
async function ofParts(
  tags: readonly string[],
  { span, step }: { span: Span; step: number },
  signal: AbortSignal,
): Promise<Map<string, Statistics>> {
  const parts = new Map<string, Map<string, Part>>(tags.map((path) => [path, new Map()]));
  for (const [field, aggregate] of Object.entries(PARTS)) {
    const page = await processed(tags, span, `${step}s`, aggregate, signal);
    for (const item of page.items) {
      const mine = parts.get(item.path);
      const part = mine?.get(item.time) ?? { start: Date.parse(item.time) };
      mine?.set(item.time, { ...part, [field]: numeric(item.value) });
    }
  }
  return new Map([...parts].map(([path, held]) => [path, together([...held.values()], step, span.to)]));
}

/** Figures of each tag over the whole span; asked for once the chart has what it draws. */
export function useStatistics(tags: readonly string[], span: Span, drawn: boolean) {
  return useKept(
    useQuery({
      queryKey: ["trend", "statistics", tags, span],
      queryFn: ({ signal }) => {
        const long = cut(span, mostPoints(tags.length));
        return long ? ofParts(tags, long, signal) : whole(tags, span, signal);
      },
      enabled: drawn && tags.length > 0,
      placeholderData: keepPreviousData,
      staleTime: 60_000,
      gcTime: 60_000,
    }),
  );
}

/** So many tags are named in one question: their paths stand in its address. */
const MOST_NAMED = 50;

/** Units, descriptions and kinds of these tags. */
export function useTags(paths: readonly string[]) {
  return useQuery({
    queryKey: ["tags", "named", paths],
    queryFn: async () => {
      const parts = Array.from({ length: Math.ceil(paths.length / MOST_NAMED) }, (_, part) =>
        paths.slice(part * MOST_NAMED, (part + 1) * MOST_NAMED),
      );
      const pages = await Promise.all(
        parts.map((tag) => take(api.GET("/api/v1/history/tags", { params: { query: { tag } } }))),
      );
      return new Map(pages.flatMap((page) => page.items).map((tag) => [tag.path, tag]));
    },
    enabled: paths.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  });
}
