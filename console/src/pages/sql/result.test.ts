import { describe, expect, it } from "vitest";
import { askedOf, paramsOf, remembered } from "./asked";
import { plotOf, sortedBy } from "./result";

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
});
