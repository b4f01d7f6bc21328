import { describe, expect, it } from "vitest";
import { cut, type Part, together } from "./figures";

const HOUR = 3_600_000;

/** An interval of samples that lie evenly, each held as long as the others. */
function part(start: number, samples: number[]): Part {
  const average = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const squares = samples.reduce((sum, value) => sum + (value - average) ** 2, 0);
  const [minimum, maximum] = [Math.min(...samples), Math.max(...samples)];
  const variance = samples.length > 1 ? squares / (samples.length - 1) : 0;
  return { start, minimum, maximum, mean: average, good: 100, count: samples.length, average, variance };
}

describe("a long window", () => {
  it("begins at a whole hour and has at most so many intervals of whole hours", () => {
    const span = { from: 10 * HOUR + 7, to: 730 * HOUR + 9 };
    expect(cut(span, 600)).toEqual({ span: { from: 10 * HOUR, to: span.to }, step: 7200 });
    expect(cut(span, 1000)?.step).toBe(3600);
    expect(cut({ from: 0, to: 48 * HOUR }, 600)).toBeUndefined();
  });
});

describe("figures of intervals together", () => {
  it("are those of all samples", () => {
    const samples = [3, 1, 4, 1, 5, 9, 2, 6, 5];
    const parts = [part(0, samples.slice(0, 3)), part(HOUR, samples.slice(3, 6)), part(2 * HOUR, samples.slice(6))];
    const whole = part(0, samples);
    const found = together(parts, 3600, 3 * HOUR);
    expect(found).toMatchObject({ minimum: 1, maximum: 9, good: 100 });
    expect(found.mean).toBeCloseTo(whole.mean as number, 12);
    expect(found.deviation).toBeCloseTo(Math.sqrt(whole.variance as number), 12);
  });
  it("weigh an interval that is cut off by what there is of it", () => {
    const found = together([part(0, [10]), { ...part(HOUR, [40]), good: 0 }], 3600, 1.5 * HOUR);
    expect(found.mean).toBeCloseTo(20, 12);
    expect(found.good).toBeCloseTo(100 / 1.5, 12);
  });
  it("are none where there is nothing, and a gap is not good", () => {
    expect(together([{ start: 0 }], 3600, HOUR)).toEqual({
      minimum: null,
      maximum: null,
      mean: null,
      deviation: null,
      good: 0,
    });
    const found = together([part(0, [2, 4]), { start: HOUR, count: 0 }], 3600, 2 * HOUR);
    expect(found).toMatchObject({ mean: 3, good: 50, minimum: 2 });
  });
});
