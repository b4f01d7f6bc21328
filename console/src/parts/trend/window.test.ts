import { describe, expect, it } from "vitest";
import { aligned, mostPoints, panned, paramsOf, spanOf, stepFor, windowOf, zoomed } from "./window";

const HOUR = 3_600_000;

describe("how finely a span is asked for", () => {
  it("samples themselves up to twenty minutes", () => {
    expect(stepFor({ from: 0, to: 20 * 60_000 }, 600)).toBe(0);
  });
  it("the shortest whole step that keeps to the number of points", () => {
    expect(stepFor({ from: 0, to: HOUR }, 600)).toBe(10);
    expect(stepFor({ from: 0, to: 30 * 24 * HOUR }, 600)).toBe(7200);
    expect(stepFor({ from: 0, to: 30 * 24 * HOUR }, 720)).toBe(3600);
    expect(stepFor({ from: 0, to: 20 * 365 * 24 * HOUR }, 10)).toBe(604_800);
  });
  it.each([1, 16, 17, 20])("so that the values of %d tags fit into one answer, wherever the span begins", (tags) => {
    const most = mostPoints(tags);
    for (const step of [10, 30, 3600, 86_400]) {
      const span = { from: step * 1000 - 1, to: step * 1000 * (most + 1) - 1 };
      expect(stepFor(span, most)).toBe(step);
      const whole = aligned(span, step);
      expect(((whole.to - whole.from) / step / 1000) * tags).toBeLessThanOrEqual(10_000);
    }
  });
  it("from whole steps to whole steps, which rollups know", () => {
    expect(aligned({ from: 1500, to: 61_000 }, 60)).toEqual({ from: 0, to: 120_000 });
  });
});

describe("moving", () => {
  it("zooms around the moment under the hand", () => {
    expect(zoomed({ from: 0, to: 10_000 }, 0.5, 2000)).toEqual({ from: 1000, to: 6000 });
  });
  it("never below a second", () => {
    const span = zoomed({ from: 0, to: 1000 }, 0.1, 500);
    expect(span.to - span.from).toBe(1000);
  });
  it("pans by a share of the length", () => {
    expect(panned({ from: 0, to: 1000 }, -0.5)).toEqual({ from: -500, to: 500 });
  });
});

describe("the address", () => {
  it.each(["-5m", "-1h", "-30d"])("%s comes back as it went in", (from) => {
    expect(paramsOf(windowOf(from, null)).from).toBe(from);
  });
  it("keeps a fixed window", () => {
    const window = { live: false as const, from: 1_700_000_000_000, to: 1_700_000_060_000 };
    const { from, to } = paramsOf(window);
    expect(windowOf(from, to)).toEqual(window);
  });
  it("that makes no sense is the last quarter of an hour", () => {
    expect(windowOf("yesterday", "x")).toEqual({ live: true, seconds: 900 });
    expect(spanOf({ live: true, seconds: 900 }, 1_000_000)).toEqual({ from: 100_000, to: 1_000_000 });
  });
});
