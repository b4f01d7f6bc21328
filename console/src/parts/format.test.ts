import { beforeAll, describe, expect, it, vi } from "vitest";

beforeAll(() => {
  vi.stubGlobal("navigator", { language: "en-GB" });
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: { dataset: {} } });
});

describe("values as people read them", () => {
  it.each([
    [0.25052341, "0.2505"],
    [2705.123, "2,705.1"],
    [120.4, "120.40"],
    [123_456.7, "123,457"],
    [5, "5"],
    [0, "0"],
    [1.5e12, "1,500,000,000,000"],
    [1.23e-7, "1.2300e-7"],
  ])("%d is %s", async (given, shown) => {
    const { number } = await import("./format");
    expect(number(given)).toBe(shown);
  });
  it("ages in their largest fitting unit", async () => {
    const { age } = await import("./format");
    expect([0.04, 9.96, 61, 7000, 90_000].map(age)).toEqual(["0.0 s", "10.0 s", "61 s", "117 min", "25 h"]);
  });
  it("times with their date unless it is today", async () => {
    const { recent } = await import("./format");
    const noon = new Date(2026, 4, 4, 12).getTime();
    expect(recent(noon - 1000, noon)).toBe("11:59:59");
    expect(recent(noon - 86_400_000, noon)).toBe("03/05/2026, 12:00:00");
  });
  it("ticks with no more digits than needed", async () => {
    const { tick } = await import("./format");
    expect([2704.5, 120.4, 120.405, 0].map(tick)).toEqual(["2,704.5", "120.4", "120.405", "0"]);
  });
});
