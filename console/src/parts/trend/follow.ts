/** A chart that follows the time: what is asked for when, and what has come since. */

import { useEffect, useMemo, useRef, useState } from "react";
import type { TagView } from "~/api/queries";
import type { Theme } from "~/app/preferences";
import { live, useEverySample } from "~/live";
import type { Line } from "./chart";
import { coloursOf } from "./colours";
import { onMissed, whenToAsk } from "./missed";
import { appended, broken, numeric, type Point, type Series } from "./series";
import { type Span, spanOf, type Window } from "./window";

/** The span that is asked for: that of a moving window is asked for anew every so many seconds, and after an outage. */
export function useAskedSpan(window: Window, seconds: number): Span {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!window.live) return;
    return whenToAsk(live, document, seconds, () => setTurn((before) => before + 1));
  }, [window, seconds]);
  return useMemo(() => spanOf(window, live.now() / 1000), [window, turn]);
}

export function linesOf(
  tags: readonly string[],
  grown: Map<string, Series>,
  named: Map<string, TagView> | undefined,
  theme: Theme,
): Line[] {
  const colours = coloursOf(theme);
  return tags.flatMap((path, index) => {
    const series = grown.get(path);
    if (!series) return [];
    const tag = named?.get(path);
    const stepped = tag?.kind === "boolean" || tag?.kind === "text";
    const colour = colours[index % colours.length] as string;
    return [{ series, colour, stepped, name: path, unit: tag?.unit ?? series.unit }];
  });
}

const NONE: Map<string, Series> = new Map();

/** What was answered, with what has come since over the live socket; nothing older than the window is kept. */
export function useGrown(
  tags: readonly string[],
  answered: Map<string, Series> | undefined,
  growing: boolean,
  { from, to }: Span,
): Map<string, Series> {
  const fresh = useRef(new Map<string, Point[]>());
  // Tags of which samples were missed: until the answer fills that in, no line is drawn over it.
  const missed = useRef(new Set<string>());
  useEffect(
    () =>
      onMissed(live, document, () => {
        missed.current = new Set(tags);
      }),
    [tags],
  );
  useEverySample(growing ? tags : [], (path, sample) => {
    const point = { time: sample.time / 1000, value: numeric(sample.value), quality: sample.quality };
    const after = missed.current.delete(path) ? broken : appended;
    fresh.current.set(path, after(fresh.current.get(path) ?? [], point, from));
  });
  // What a newer answer holds is not kept a second time.
  useEffect(() => {
    for (const [path, { points }] of answered ?? NONE) {
      const last = points.at(-1)?.time ?? 0;
      const kept = fresh.current.get(path)?.filter((point) => point.time > last);
      if (kept) fresh.current.set(path, kept);
    }
  }, [answered]);
  return useMemo(() => {
    if (!answered || !growing) return answered ?? NONE;
    return new Map(
      [...answered].map(([path, series]) => {
        const last = series.points.at(-1)?.time ?? 0;
        const newer = (fresh.current.get(path) ?? []).filter((point) => point.time > last && point.time <= to);
        return [path, { ...series, points: [...series.points, ...newer] }];
      }),
    );
  }, [answered, growing, to]);
}
