import { describe, expect, it } from "vitest";
import { type Level, type Levels, opened } from "./opened";

const NOTHING = new Map<string, boolean>();

function level(path: string, devices: number, device = ""): Level {
  return { path, devices, well: devices, device, points: 0, state: "" };
}

function plant(levels: Record<string, Level[]>): (path: string) => Levels | undefined {
  return (path) => levels[path] && { items: levels[path], total: levels[path].length };
}

describe("levels that are open", () => {
  const small = plant({
    "": [level("a", 3)],
    a: [level("a/b", 2), level("a/c", 1)],
    "a/b": [level("a/b/x", 1, "x"), level("a/b/y", 1, "y")],
  });
  it("are all of a small plant, also those of which nothing has come yet", () => {
    expect(opened(small, NOTHING)).toEqual(["a", "a/b", "a/c"]);
  });
  it("are none of many, until somebody opens one", () => {
    const lines = Array.from({ length: 100 }, (_, line) => level(`a/${line}`, 100));
    const large = plant({ "": [level("a", 10_000)], a: lines });
    expect(opened(large, NOTHING)).toEqual(["a"]);
    expect(opened(large, new Map([["a/7", true]]))).toEqual(["a", "a/7"]);
  });
  it("are not those with many devices beside others", () => {
    expect(opened(plant({ "": [level("a", 5000), level("b", 50)] }), NOTHING)).toEqual(["b"]);
  });
  it("are not those that somebody closed, nor what is below them", () => {
    expect(opened(small, new Map([["a/b", false]]))).toEqual(["a", "a/c"]);
    expect(opened(small, new Map([["a", false]]))).toEqual([]);
  });
});
