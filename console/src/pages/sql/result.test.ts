import { describe, expect, it } from "vitest";
import { askedOf, isKnown, paramsOf, remembered, sortOf, withSort } from "./asked";
import { plotOf, shortened, sortedBy, timeOf } from "./result";

const answer = (columns: [string, string][], rows: (string | number | null)[][]) => ({
  columns: columns.map(([name, type]) => ({ name, type })),
  rows,
  truncated: false,
});

describe("how an answer is drawn", () => {
  it("one line for each tag, along the times", () => {
    const plot = plotOf(
      answer(
        [
          ["tag", "string"],
          ["ts", "timestamp[us, tz=UTC]"],
          ["mean", "double"],
        ],
        [
          ["a/b/c", "2026-01-01T00:00:01Z", 2],
          ["a/b/c", "2026-01-01T00:00:00Z", 1],
          ["a/b/d", "2026-01-01T00:00:00Z", null],
          ["a/b/d", "2026-01-01T00:00:01Z", 3],
        ],
      ),
    );
    expect(plot?.x).toEqual({ name: "ts", kind: "time" });
    expect(plot?.lines.map((line) => [line.name, line.points.map((point) => point[1])])).toEqual([
      ["b/c", [1, 2]],
      ["b/d", [3]],
    ]);
  });
  it("a line of its own for each tag, also where paths end alike, and for each text beside it", () => {
    const plot = plotOf(
      answer(
        [
          ["tag", "string"],
          ["unit", "string"],
          ["state", "string"],
          ["ts", "timestamp[us]"],
          ["mean", "double"],
        ],
        [
          ["east/line/b/c", "K", "on", "2026-01-01T00:00:00", 1],
          ["west/line/b/c", "K", "on", "2026-01-01T00:00:00", 2],
          ["east/line/b/c", "K", "off", "2026-01-01T00:00:01", 3],
        ],
      ),
    );
    expect(plot?.lines.map((line) => [line.name, line.points.map((point) => point[1])])).toEqual([
      ["east/line/b/c · on", [1]],
      ["west/line/b/c · on", [2]],
      ["east/line/b/c · off", [3]],
    ]);
    expect(plot?.lines[0]?.points[0]?.[0]).toBe(Date.UTC(2026, 0, 1));
  });
  it("names with bars where there is no time", () => {
    const plot = plotOf(
      answer(
        [
          ["tag", "string"],
          ["n", "int64"],
        ],
        [
          ["a/b", 3],
          ["a/c", 4],
        ],
      ),
    );
    expect(plot?.x.kind).toBe("name");
    expect(plot?.lines).toEqual([
      {
        name: "n",
        points: [
          [0, 3],
          [1, 4],
        ],
      },
    ]);
  });
  it("not at all without numbers or rows", () => {
    expect(plotOf(answer([["tag", "string"]], [["a"]]))).toBeNull();
    expect(plotOf(answer([["n", "double"]], []))).toBeNull();
    expect(plotOf(answer([["n", "double"]], [[1]]))).toBeNull();
  });
  it("with the least number along the bottom where there are only numbers", () => {
    expect(
      plotOf(
        answer(
          [
            ["x", "double"],
            ["y", "double"],
          ],
          [
            [2, 5],
            [1, 4],
          ],
        ),
      )?.lines[0]?.points,
    ).toEqual([
      [1, 4],
      [2, 5],
    ]);
  });
});

describe("names and times", () => {
  it("are as short as tells them apart", () => {
    expect(shortened(["a/b/c", "a/b/d", "a/b/c"])).toEqual(["b/c", "b/d", "b/c"]);
    expect(shortened(["x/a/b/c", "y/a/b/c", "b/c"])).toEqual(["x/a/b/c", "y/a/b/c", "b/c"]);
  });
  it.each([
    ["2026-01-01T00:00:00Z", 0],
    ["2026-01-01T00:00:00.5", 500],
    ["2026-01-01 00:00:00", 0],
    ["2026-01-01T01:00:00+01:00", 0],
    ["2026-01-01", 0],
  ])("%s is UTC unless it says otherwise", (text, ms) => expect(timeOf(text)).toBe(Date.UTC(2026, 0, 1) + ms));
});

describe("sorting", () => {
  it("puts what is missing last, both ways", () => {
    const rows = [[2], [null], [10]];
    expect(sortedBy(rows, 0, false)).toEqual([[2], [10], [null]]);
    expect(sortedBy(rows, 0, true)).toEqual([[10], [2], [null]]);
  });
});

describe("the address and the last statements", () => {
  const asked = { sql: "select 1", tags: ["a/*"], from: "-1d", to: "now" };
  it("gives back what went in", () => expect(askedOf(paramsOf(asked))).toEqual(asked));
  it("leaves out a statement that is too long for it", () =>
    expect(paramsOf({ ...asked, sql: "x".repeat(7000) }).get("sql")).toBeNull());
  it("has each statement once, the newest first, and ten of them", () => {
    const many = Array.from({ length: 12 }, (_, index) => ({ ...asked, sql: `select ${index}` }));
    const list = many.reduce(remembered, [] as (typeof asked)[]);
    expect(list.map((each) => each.sql)).toEqual(
      many
        .slice(2)
        .reverse()
        .map((each) => each.sql),
    );
    expect(remembered(list, { ...asked, sql: "select 5 " })[0]?.sql).toBe("select 5 ");
    expect(remembered(list, { ...asked, sql: "select 5 " })).toHaveLength(10);
  });
  it("runs at once only what this person has run before, with the same tags and times", () => {
    expect(isKnown([asked], { ...asked })).toBe(true);
    expect(isKnown([asked], { ...asked, tags: ["*"] })).toBe(false);
    expect(isKnown([asked], { ...asked, from: "-30d" })).toBe(false);
    expect(isKnown([asked], { ...asked, sql: "select 2" })).toBe(false);
    expect(isKnown([], asked)).toBe(false);
  });
  it("has the order of the rows", () => {
    const params = paramsOf(asked);
    expect(sortOf(params)).toBeUndefined();
    for (const sort of [
      { key: "mean", descending: false },
      { key: "-odd", descending: true },
    ])
      expect(sortOf(withSort(params, sort))).toEqual(sort);
  });
});
