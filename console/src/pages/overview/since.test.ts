import { expect, it } from "vitest";
import { since } from "./since";

it("is nothing of an answer that was confirmed just now, or that never came", () => {
  expect(since({ error: null, dataUpdatedAt: 100_000 }, 130_000)).toBeUndefined();
  expect(since({ error: new Error(), dataUpdatedAt: 0 }, 130_000)).toBeUndefined();
});

it("is the time of the last answer once one failed, or none comes any more", () => {
  expect(since({ error: new Error(), dataUpdatedAt: 100_000 }, 101_000)).toBe(100_000);
  expect(since({ error: null, dataUpdatedAt: 100_000 }, 160_001)).toBe(100_000);
});
