import { describe, expect, it } from "vitest";
import { locate } from "./locate";
import { freePlace, madeOf, nameOf, overlaps, placed, scaleOf, toneOf, type Widget } from "./model";

const at = (id: string, x: number, y: number, w = 4, h = 2): Widget => ({ id, kind: "value", place: { x, y, w, h } });
const places = (widgets: Widget[]) =>
  widgets.map(({ id, place }) => `${id} ${place.x},${place.y} ${place.w}x${place.h}`);

describe("where widgets stand", () => {
  it("a new one takes the first free place", () => {
    expect(freePlace([at("a", 0, 0), at("b", 8, 0)], { w: 4, h: 2 })).toEqual({ x: 4, y: 0, w: 4, h: 2 });
    expect(freePlace([at("a", 0, 0, 24, 3)], { w: 4, h: 2 })).toEqual({ x: 0, y: 3, w: 4, h: 2 });
  });
  it("what is in the way goes down, and what is in the way of that", () => {
    const widgets = [at("a", 0, 0), at("b", 4, 0), at("c", 4, 2)];
    expect(places(placed(widgets, "a", { x: 4, y: 0, w: 4, h: 2 }))).toEqual(["a 4,0 4x2", "b 4,2 4x2", "c 4,4 4x2"]);
  });
  it("never leaves the grid, and never becomes too small", () => {
    expect(places(placed([at("a", 0, 0)], "a", { x: 30, y: -3, w: 1, h: 0 }))).toEqual(["a 21,0 3x2"]);
    expect(places(placed([at("a", 0, 0)], "a", { x: 2, y: 0, w: 40, h: 2 }))).toEqual(["a 0,0 24x2"]);
  });
  it("a dashboard made of tags has no two upon one another", () => {
    const widgets = madeOf(Array.from({ length: 30 }, (_, index) => `a/b/c/d/e/f/t${index}`));
    for (const one of widgets)
      for (const other of widgets) expect(one === other || !overlaps(one.place, other.place)).toBe(true);
    expect(widgets.map((widget) => widget.kind)).toEqual([...Array(6).fill("value"), "trend", "table"]);
    expect(madeOf([])).toEqual([]);
  });
});

describe("limits and scales", () => {
  const limits = { low_low: 0, low: 10, high: 90, high_high: 100 };
  it.each([
    [50, ""],
    [10, "warn"],
    [0, "bad"],
    [95, "warn"],
    [100, "bad"],
    [null, ""],
  ])("%s is %s", (value, tone) => expect(toneOf(value, limits)).toBe(tone));
  it("a scale holds its values and is round", () => {
    expect(scaleOf({}, [2704])).toEqual({ low: 0, high: 3000 });
    expect(scaleOf({ low: 10, high: 20 }, [99])).toEqual({ low: 10, high: 20 });
    expect(scaleOf({}, [null])).toEqual({ low: 0, high: 1 });
    expect(scaleOf({}, [-3])).toEqual({ low: -4, high: 0 });
  });
});

describe("names", () => {
  it.each([
    ["Line 1: Presses", "line-1-presses"],
    ["Übersicht", "u-bersicht"],
  ])("%s", (title, name) => expect(nameOf(title)).toBe(name));
  it("has one where nothing of the title can be kept", () => expect(nameOf("压机")).toMatch(/^dashboard-[a-z0-9]+$/));
});

describe("where a field stands in the text", () => {
  const text = '{\n "title": "a \\" b",\n "widgets": [ {"id": "x"}, {"place": {"x": 3, "y": -1}} ]\n}';
  const shown = (field: string) => {
    const found = locate(text, field);
    return found && text.slice(found.from, found.to);
  };
  it.each([
    ["title", '"a \\" b"'],
    ["widgets[0].id", '"x"'],
    ["widgets[1].place.y", "-1"],
    ["widgets[1].place", '{"x": 3, "y": -1}'],
    ["widgets[0].place.x", '{"id": "x"}'],
  ])("%s", (field, value) => expect(shown(field)).toBe(value));
  it("nowhere, where nothing of it is there", () => expect(locate(text, "project")).toBeNull());
  it("ends with a text that is no JSON", () => {
    for (const broken of ["{", '{"a', "{]", "[}", '{"a" 1 "b"}', "", "{,,}"]) locate(broken, "a.b");
  });
});
