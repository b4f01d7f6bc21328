import { expect, test } from "vitest";
import type { DeviceStatus } from "./queries";
import { statesOf } from "./states";

const press = { name: "press", state: "connected" } as DeviceStatus;
const oven = { name: "oven", state: "lost" } as DeviceStatus;
const asked = [
  { gateway: "east", names: ["press"] },
  { gateway: "west", names: ["oven"] },
];
const said = { data: { devices: [press] }, error: null, fetchStatus: "idle" };

test("what gateways say is how their devices stand", () => {
  const states = statesOf(asked, [said, { data: { devices: [oven] }, error: null, fetchStatus: "fetching" }]);
  expect([...states.known.values()].map(({ state }) => state)).toEqual(["connected", "lost"]);
  expect(states.silent.size).toBe(0);
});

test("the last answer of a gateway that is silent since does not hold", () => {
  const states = statesOf(asked, [{ ...said, error: new Error("away") }, said]);
  expect(states.silent).toEqual(new Set(["press"]));
  expect(statesOf(asked, [{ ...said, error: new Error("away") }]).known.size).toBe(0);
});

test("nor does one from before the network was gone", () => {
  expect(statesOf(asked, [{ ...said, fetchStatus: "paused" }]).silent).toEqual(new Set(["press"]));
});

test("of what nobody has answered yet nothing is said", () => {
  const states = statesOf(asked, [{ data: undefined, error: null, fetchStatus: "fetching" }]);
  expect(states.known.size + states.silent.size).toBe(0);
});
