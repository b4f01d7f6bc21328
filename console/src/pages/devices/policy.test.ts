import { expect, test } from "vitest";
import { joined, proposedDiff, unseen } from "./policy";

const RULES = [{ id: "learned-1", text: '@id("learned-1")\npermit (principal, action, resource);\n' }];

test("learned rules stand at the end of the policy", () => {
  expect(joined("a;\n\n", RULES)).toBe('a;\n\n@id("learned-1")\npermit (principal, action, resource);\n');
});

test("what is added is marked, with the last lines of the policy above it", () => {
  const lines = proposedDiff("one\ntwo\nthree\nfour\n", RULES);
  expect(lines.map(({ sign, text }) => `${sign}${text}`)).toEqual([
    " two",
    " three",
    " four",
    "+",
    '+@id("learned-1")',
    "+permit (principal, action, resource);",
  ]);
});

test("nothing chosen adds nothing", () => {
  expect(proposedDiff("one\n", []).every(({ sign }) => sign === " ")).toBe(true);
});

test("what was learned since, or anew, was not seen", () => {
  const changed = { id: "learned-1", text: "permit (principal, action, resource);\n" };
  const added = { id: "learned-2", text: "x" };
  expect(unseen(RULES, RULES)).toEqual([]);
  expect(unseen(RULES, [...RULES, added])).toEqual([added]);
  expect(unseen(RULES, [changed])).toEqual([changed]);
  expect(unseen(RULES, [])).toEqual([]);
});
