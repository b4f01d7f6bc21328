/** Where the mouse is over the chart. Only the figures that show it are drawn anew when it moves. */

import { useSyncExternalStore } from "react";

export class Hover {
  private time: number | undefined;
  private listeners = new Set<() => void>();

  get = (): number | undefined => this.time;

  set = (time: number | undefined): void => {
    this.time = time;
    for (const listener of this.listeners) listener();
  };

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useHover(hover: Hover): number | undefined {
  return useSyncExternalStore(hover.subscribe, hover.get);
}
