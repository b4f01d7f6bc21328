import { expect, it, vi } from "vitest";
import { Lapse } from "./lapse";

it("lets everybody who came meanwhile wait for the same end", async () => {
  const lapse = new Lapse();
  const told = vi.fn();
  lapse.subscribe(told);
  const [one, other] = [lapse.begin(), lapse.begin()];
  expect(lapse.lasts()).toBe(true);
  expect(told).toHaveBeenCalledTimes(1);
  lapse.end(true);
  expect(lapse.lasts()).toBe(false);
  expect(await Promise.all([one, other])).toEqual([true, true]);
});

it("may begin again", async () => {
  const lapse = new Lapse();
  void lapse.begin();
  lapse.end(true);
  const second = lapse.begin();
  lapse.end(false);
  expect(await second).toBe(false);
});
