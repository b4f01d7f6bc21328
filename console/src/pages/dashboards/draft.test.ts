import { describe, expect, it } from "vitest";
import { drafted, saved } from "./draft";
import { shownOf } from "./shown";

const FIRST = { text: "one", etag: '"1"' };
const SECOND = { text: "theirs", etag: '"2"' };

describe("a draft", () => {
  it("keeps what it began with, whatever is saved by others meanwhile", () => {
    const began = drafted(undefined, FIRST, "one more");
    expect(drafted(began, SECOND, "one more word")).toEqual({ text: "one more word", base: FIRST });
  });
  it("is none where everything is as it was, and the next one begins with the newest", () => {
    const began = drafted(undefined, FIRST, "one more");
    expect(drafted(began, SECOND, "one")).toBeUndefined();
    expect(drafted(undefined, SECOND, "theirs too")?.base).toBe(SECOND);
  });
  it("is gone once it is saved, but for what was changed meanwhile", () => {
    const began = drafted(undefined, FIRST, "mine");
    const after = { text: "mine", etag: '"2"' };
    expect(saved(began, "mine", after)).toBeUndefined();
    expect(saved(drafted(began, FIRST, "mine too"), "mine", after)).toEqual({ text: "mine too", base: after });
  });
});

describe("a text that is being typed", () => {
  const widget = { id: "a", kind: "value", place: { x: 0, y: 0, w: 4, h: 2 } };
  const text = (more: object) => JSON.stringify({ schema: "", name: "n", title: "t", widgets: [widget], ...more });
  it("is shown where it can be drawn", () => {
    expect(shownOf(text({}))?.widgets).toEqual([widget]);
    expect(shownOf('{"title": "empty"}')).not.toBeNull();
  });
  it.each([
    "{",
    "null",
    "[]",
    text({ title: {} }),
    text({ description: [] }),
    text({ widgets: {} }),
    text({ widgets: [null] }),
    text({ widgets: [widget, widget] }),
    text({ widgets: [{ ...widget, title: {} }] }),
    text({ widgets: [{ ...widget, kind: "odd" }] }),
    text({ widgets: [{ ...widget, place: undefined }] }),
    text({ widgets: [{ ...widget, place: { x: 0, y: 0, w: 4 } }] }),
    text({ widgets: [{ ...widget, place: { x: 0, y: 0, w: 4, h: 1e9 } }] }),
    text({ widgets: [{ ...widget, tags: "a" }] }),
    text({ widgets: [{ ...widget, tags: [{}] }] }),
    text({ widgets: [{ ...widget, limits: { low: "x" } }] }),
    text({ widgets: [{ ...widget, kind: "flow", nodes: [{ id: "p", x: 0, y: 0, label: {} }] }] }),
    text({ widgets: [{ ...widget, kind: "flow", edges: [null] }] }),
  ])("is not where that would fail: %s", (broken) => expect(shownOf(broken)).toBeNull());
});
