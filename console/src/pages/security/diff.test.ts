import { describe, expect, it } from "vitest";
import { difference, hunks } from "./diff";

const shown = (before: string, after: string) => difference(before, after).map(({ sign, text }) => sign + text);

describe("the difference of two texts", () => {
  it("names the lines that are new and those that are gone, and keeps the others", () => {
    expect(shown("a\nb\nc\nd", "a\nc\nx\nd")).toEqual([" a", "-b", " c", "+x", " d"]);
  });

  it("is nothing for equal texts", () => {
    expect(difference("a\nb", "a\nb").every(({ sign }) => sign === " ")).toBe(true);
    expect(hunks(difference("a\nb", "a\nb"))).toEqual([null]);
  });

  it("gives both texts back, whichever they are", () => {
    const texts = ["", "a", "a\na\nb", "b\na\nb\nc", "c\nb\na", "x\ny\nz\nx"];
    for (const before of texts)
      for (const after of texts) {
        const lines = difference(before, after);
        const without = (sign: string) => lines.filter((line) => line.sign !== sign).map((line) => line.text);
        expect(without("+").join("\n")).toBe(before);
        expect(without("-").join("\n")).toBe(after);
      }
  });

  it("leaves out what is far from every change", () => {
    const before = Array.from({ length: 30 }, (_, place) => `line ${place}`).join("\n");
    const found = hunks(difference(before, before.replace("line 15\n", "other\n")), 1);
    expect(found.map((line) => line && line.sign + line.text)).toEqual([
      null,
      " line 14",
      "-line 15",
      "+other",
      " line 16",
      null,
    ]);
  });
});
