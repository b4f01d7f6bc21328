/** Live values for components: `useSample`, `useSamples`, `useLink`, `useNow`. */

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { preferences } from "~/app/preferences";
import { type Link, LiveClient, type Sample, type Socket } from "./client";

export { type Link, type LinkState, type Sample, seen, type Value } from "./client";

let doubt: () => void = () => undefined;

/** Say whom to ask whether the session is still there, when the socket does not open or was closed on us. */
export function onLiveDoubt(work: () => void): void {
  doubt = work;
}

export const live = new LiveClient({
  open: () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    // A page cannot give a socket headers: in what language it wants refusals stands in the address.
    const asked = new URLSearchParams({ language: preferences.get().language });
    return new WebSocket(`${scheme}://${location.host}/api/v1/live?${asked}`) as unknown as Socket;
  },
  ended: () => doubt(),
});
addEventListener("online", () => live.hurry());

const HIDDEN_MS = 30_000;
let hiding: ReturnType<typeof setTimeout> | undefined;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(() => live.setHidden(true), HIDDEN_MS);
  else {
    live.setHidden(false);
    live.hurry();
  }
});

/** The newest sample of one tag; undefined before the first. */
export function useSample(path: string): Sample | undefined {
  const subscribe = useCallback((notice: () => void) => live.watch([path], notice), [path]);
  return useSyncExternalStore(subscribe, () => live.sample(path));
}

/** Watch several tags; the returned function reads one. Renders once a frame at most. */
export function useSamples(paths: readonly string[]): (path: string) => Sample | undefined {
  const [, render] = useState(0);
  const key = paths.join("\n");
  useEffect(() => live.watch(paths, () => render((count) => count + 1)), [key]);
  return useCallback((path) => live.sample(path), []);
}

/** Call `work` with every new sample of these tags, without rendering. */
export function useEverySample(paths: readonly string[], work: (path: string, sample: Sample) => void): void {
  const latest = useRef(work);
  latest.current = work;
  const key = paths.join("\n");
  useEffect(() => {
    const seen = new Map<string, Sample>();
    return live.watch(paths, () => {
      for (const path of paths) {
        const sample = live.sample(path);
        if (sample === undefined || seen.get(path) === sample) continue;
        seen.set(path, sample);
        latest.current(path, sample);
      }
    });
  }, [key]);
}

export function useLink(): Link {
  return useSyncExternalStore(live.onLink, live.getLink);
}

/** The server's time in µs, about once a second. */
export function useNow(): number {
  return useSyncExternalStore(clock.subscribe, clock.get);
}

/** One timer for everything on the page that shows an age. */
const clock = (() => {
  const listeners = new Set<() => void>();
  let now = live.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  return {
    get: () => now,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      timer ??= setInterval(() => {
        now = live.now();
        for (const each of listeners) each();
      }, 1000);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      };
    },
  };
})();

/** Sorted copy that stays the same object while the paths are the same. */
export function usePaths(paths: readonly string[]): readonly string[] {
  const key = paths.join("\n");
  return useMemo(() => [...paths], [key]);
}
