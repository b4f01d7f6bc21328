import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Link, LinkState } from "~/live";
import { onMissed, type Page, whenToAsk } from "./missed";

let link: Link;
let listeners: Set<() => void>;
let page: { hidden: boolean; target: EventTarget };
let asked: number;

const source = {
  getLink: () => link,
  onLink: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
const becomes = (state: LinkState, number = link.number) => {
  link = { ...link, state, number };
  for (const listener of listeners) listener();
};
const show = (hidden: boolean) => {
  page.hidden = hidden;
  page.target.dispatchEvent(new Event("visibilitychange"));
};
const asPage = () =>
  ({
    get hidden() {
      return page.hidden;
    },
    addEventListener: (name: string, work: () => void) => page.target.addEventListener(name, work),
    removeEventListener: (name: string, work: () => void) => page.target.removeEventListener(name, work),
  }) as unknown as Page;
const ask = () => {
  asked += 1;
};

beforeEach(() => {
  vi.useFakeTimers();
  link = { state: "connecting", number: 0, newest: 0 };
  listeners = new Set();
  page = { hidden: false, target: new EventTarget() };
  asked = 0;
});
afterEach(() => vi.useRealTimers());

describe("samples were missed", () => {
  it("not before the first connection, and not while values come", () => {
    onMissed(source, asPage(), ask);
    becomes("live", 1);
    becomes("live");
    expect(asked).toBe(0);
  });
  it("while the connection was lost, told once it is there again", () => {
    onMissed(source, asPage(), ask);
    becomes("live", 1);
    becomes("lost");
    expect(asked).toBe(0);
    becomes("live", 2);
    expect(asked).toBe(1);
  });
  it("while the server itself heard nothing", () => {
    link = { state: "stale", number: 1, newest: 0 };
    onMissed(source, asPage(), ask);
    becomes("live");
    expect(asked).toBe(1);
  });
  it("while the page was hidden", () => {
    const stop = onMissed(source, asPage(), ask);
    show(true);
    expect(asked).toBe(0);
    show(false);
    expect(asked).toBe(1);
    stop();
    show(false);
    expect([asked, listeners.size]).toEqual([1, 0]);
  });
});

describe("a chart that moves on asks", () => {
  it("every so many seconds, but not while hidden", () => {
    const stop = whenToAsk(source, asPage(), 60, ask);
    vi.advanceTimersByTime(120_000);
    expect(asked).toBe(2);
    page.hidden = true;
    vi.advanceTimersByTime(120_000);
    expect(asked).toBe(2);
    stop();
  });
  it("at once for what was missed, and once more for what comes late", () => {
    link = { state: "lost", number: 1, newest: 0 };
    const stop = whenToAsk(source, asPage(), 300, ask);
    becomes("live", 2);
    expect(asked).toBe(1);
    vi.advanceTimersByTime(30_000);
    expect(asked).toBe(2);
    becomes("lost");
    becomes("live", 3);
    stop();
    vi.advanceTimersByTime(600_000);
    expect(asked).toBe(3);
  });
});
