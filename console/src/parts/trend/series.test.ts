import { describe, expect, it } from "vitest";
import { appended, at, broken, type Point, runsOf } from "./series";

const UNCERTAIN = 0x40000000;
const BAD = 0x80000000;
const NO_DATA = 0x809b0000;
const point = (time: number, quality = 0, value: number | null = time): Point => ({ time, value, quality });

describe("stretches of doubtful quality", () => {
  it("join where they touch and are alike", () => {
    const points = [point(0), point(1, UNCERTAIN), point(2, UNCERTAIN), point(3, BAD), point(4)];
    expect(runsOf(points, 5)).toEqual([
      { from: 1, to: 3, severity: "uncertain" },
      { from: 3, to: 4, severity: "bad" },
    ]);
  });
  it("reach the end where nothing better came", () => {
    expect(runsOf([point(1, BAD)], 9)).toEqual([{ from: 1, to: 9, severity: "bad" }]);
  });
  it("leave out where there is nothing at all: the line is broken there", () => {
    expect(runsOf([point(1, NO_DATA, null)], 9)).toEqual([]);
  });
});

describe("the value at a moment", () => {
  const points = [point(10), point(20), point(30)];
  it.each([
    [9, undefined],
    [10, 10],
    [29, 20],
    [99, 30],
  ])("%d", (time, found) => {
    expect(at(points, time)?.value).toBe(found);
  });
});

describe("a growing line", () => {
  it("keeps one point before the window and takes nothing twice", () => {
    const points = [point(1), point(2), point(3)];
    expect(appended(points, point(4), 3).map((each) => each.time)).toEqual([2, 3, 4]);
    expect(appended(points, point(3), 0)).toBe(points);
  });
});

describe("a line over which something was missed", () => {
  it("is broken before the next point", () => {
    const points = broken([point(1), point(3)], point(9), 0);
    expect(points.map((each) => each.value)).toEqual([1, 3, null, 9]);
    expect(points.map((each) => each.time)).toEqual([1, 3, 6, 9]);
    expect(broken([], point(9), 0).map((each) => each.value)).toEqual([null, 9]);
  });
  it("is not where the point brings nothing new", () => {
    const points = [point(1), point(3)];
    expect(broken(points, point(3), 0)).toBe(points);
  });
});
