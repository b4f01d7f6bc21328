import { expect, test } from "vitest";
import { ContentKeys } from "./keys";

test("the same content sent again is the same command, also after something else was tried", () => {
  const keys = new ContentKeys();
  const first = keys.of({ value: 61, reason: "more feed" });
  const second = keys.of({ value: 62, reason: "more feed" });
  expect(second).not.toBe(first);
  expect(keys.of({ value: 61, reason: "more feed" })).toBe(first);
});

test("another dialogue is another command, whatever it says", () => {
  const content = { value: true, reason: "" };
  expect(new ContentKeys().of(content)).not.toBe(new ContentKeys().of(content));
});

test("a key is short and plain enough for a header", () => {
  expect(new ContentKeys().of("x")).toMatch(/^[0-9a-f]{32}$/);
});
