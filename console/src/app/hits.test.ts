import { expect, it, vi } from "vitest";

vi.mock("~/pages", () => ({ pages: [] }));
vi.mock("~/api/client", () => ({}));
vi.mock("./session", () => ({}));
const { holds } = await import("./hits");

it("finds each word anywhere, whatever its case", () => {
  expect(holds("MAIN te", "te-main", "Tennessee Eastman")).toBe(true);
  expect(holds("main pump", "te-main", "Tennessee Eastman")).toBe(false);
  expect(holds("", "anything")).toBe(true);
});
