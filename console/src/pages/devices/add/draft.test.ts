import { expect, test } from "vitest";
import { bodyOf, drafted, EMPTY, type Found, fresh, level, pointsOf } from "./draft";

const found = (path: string[], more: Partial<Found> = {}): Found =>
  ({ address: path.join("/"), name: path.at(-1), path, ...more }) as Found;

test("two variables of one name are told apart by the names above them", () => {
  const points = pointsOf([found(["A", "Speed"]), found(["B", "Speed"]), found(["Speed"])], []);
  expect(points.map(({ point }) => point.name)).toEqual(["Speed", "B.Speed", "Speed~2"]);
});

test("what cannot be a point, and what the draft has already, is left out", () => {
  const present = [drafted({ name: "Speed", address: "A/Speed" } as never)];
  const points = pointsOf([found(["A", "Speed"]), found(["Array"], { refused: "it is an array" })], present);
  expect(points).toEqual([]);
  expect(fresh([{ name: "Speed", address: "x" } as never], present)).toEqual([]);
});

test("a name is one level of a path", () => {
  expect(level("a/b+c#d$e\u0007")).toBe("a_b_c_d_e_");
  expect(level("")).toBe("_");
});

test("only chosen points are sent, and none where a profile says them", () => {
  const points = [drafted({ name: "a", address: "1" } as never), { ...drafted({ name: "b" } as never), chosen: false }];
  const draft = { ...EMPTY, name: "press", driver: "modbus", points };
  expect(bodyOf(draft, "poll", true).points?.map((point) => point.name)).toEqual(["a"]);
  expect(bodyOf(draft, "poll", true).groups).toEqual([{ name: "main", mode: "poll", period_ms: 500 }]);
  expect(bodyOf({ ...draft, profile: "meter" }, "poll", true)).not.toHaveProperty("points");
});
