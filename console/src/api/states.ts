/** How devices stand, told from the answers of their gateways. */

import type { Schemas } from "./client";

type DeviceStatus = Schemas["GatewayStatus"]["devices"][number];

/** Whether what was said last still holds: nothing asked since failed, or could not even be asked. */
export function isCurrent(answer: { error: unknown; fetchStatus: string }): boolean {
  return !answer.error && answer.fetchStatus !== "paused";
}

/** How devices stand, by name, and those of which nobody can say it now. */
export interface DeviceStates {
  known: Map<string, DeviceStatus>;
  silent: Set<string>;
}

export interface StatesAsked {
  gateway: string;
  names: string[];
}

export interface StatesAnswer {
  data?: { devices: DeviceStatus[] };
  error: unknown;
  fetchStatus: string;
}

/** What the answers say; one that failed leaves the earlier one behind, which holds no longer. */
export function statesOf(asked: readonly StatesAsked[], answers: readonly StatesAnswer[]): DeviceStates {
  const known = new Map<string, DeviceStatus>();
  const silent = new Set<string>();
  answers.forEach((answer, index) => {
    if (isCurrent(answer)) for (const device of answer.data?.devices ?? []) known.set(device.name, device);
    else for (const name of asked[index]?.names ?? []) silent.add(name);
  });
  return { known, silent };
}
