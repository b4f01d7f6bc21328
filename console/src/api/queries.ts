/** What several pages ask the server, each with its own pace. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef } from "react";
import { useMay } from "~/app/session";
import { useRested } from "~/parts/rested";
import { api, type Schemas, take } from "./client";
import { type DeviceStates, type StatesAnswer, type StatesAsked, statesOf } from "./states";

export type DeviceView = Schemas["DeviceView"];
export type DeviceStatus = Schemas["GatewayStatus"]["devices"][number];
export type TagView = Schemas["TagView"];

const SECONDS = 1000;

/** How the processes of the installation are. */
export function useSystemStatus() {
  const may = useMay();
  return useQuery({
    queryKey: ["system", "status"],
    queryFn: () => take(api.GET("/api/v1/system/status")),
    refetchInterval: 10 * SECONDS,
    enabled: may("system:read"),
  });
}

/** The history writer's state, and how many samples it takes in a second. */
export function useHistoryStatus() {
  const may = useMay();
  const last = useRef<{ rows: number; at: number; rate: number | undefined }>(undefined);
  return useQuery({
    queryKey: ["history", "status"],
    queryFn: async () => {
      const status = await take(api.GET("/api/v1/history/status"));
      const at = performance.now();
      const before = last.current;
      const seconds = before ? (at - before.at) / SECONDS : 0;
      const rate =
        before && seconds > 1 && status.rows_total >= before.rows
          ? (status.rows_total - before.rows) / seconds
          : before?.rate;
      last.current = { rows: status.rows_total, at, rate };
      return { ...status, rate };
    },
    refetchInterval: (query) => (query.state.data?.rate === undefined ? 1.5 : 5) * SECONDS,
    enabled: may("history:read"),
  });
}

/** What lies stored. */
export function useHistoryStats() {
  const may = useMay();
  return useQuery({
    queryKey: ["history", "stats"],
    queryFn: () => take(api.GET("/api/v1/history/stats")),
    refetchInterval: 30 * SECONDS,
    enabled: may("history:read"),
  });
}

export function useLedger() {
  return useQuery({
    queryKey: ["ledger"],
    queryFn: () => take(api.GET("/api/v1/ledger")),
    refetchInterval: 20 * SECONDS,
  });
}

/** How to ask for a gateway with its devices; only the named ones where they are named. */
export function gatewayStatus(gateway: string, devices?: readonly string[]) {
  const query = { gateway, ...(devices ? { device: [...devices] } : {}) };
  return {
    queryKey: ["gateway", gateway, devices ?? "all"],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      take(api.GET("/api/v1/edge/status", { params: { query }, signal })),
    refetchInterval: 5 * SECONDS,
    placeholderData: keepPreviousData,
    retry: false,
  };
}

export function useGatewayStatus(gateway: string, devices?: readonly string[], enabled = true) {
  const may = useMay();
  return useQuery({ ...gatewayStatus(gateway, devices), enabled: enabled && may("edge:read") });
}

function byGateway(devices: readonly DeviceView[]): StatesAsked[] {
  const found = new Map<string, string[]>();
  for (const { gateway, name } of devices) found.set(gateway, [...(found.get(gateway) ?? []), name]);
  return [...found].map(([gateway, names]) => ({ gateway, names }));
}

function useStates(devices: StatesAsked[]): DeviceStates {
  // The same devices in a new list are the same question.
  const question = JSON.stringify(devices);
  const asked = useMemo(() => JSON.parse(question) as StatesAsked[], [question]);
  return useQueries({
    queries: asked.map(({ gateway, names }) => gatewayStatus(gateway, names)),
    combine: useCallback((answers: StatesAnswer[]) => statesOf(asked, answers), [asked]),
  });
}

/** How these devices stand, by name, as the gateways say that run them; not of all: of thousands that is too much. */
export function useDeviceStates(devices: readonly DeviceView[]): Map<string, DeviceStatus> {
  return useStates(byGateway(devices)).known;
}

/** Devices whose states are asked for with one request. */
const STATES_AT_ONCE = 50;

/** The same of the rows of a long list that are in view, and no faster than somebody scrolls. */
export function useStatesInView(rows: readonly DeviceView[], view: { from: number; to: number }): DeviceStates {
  const { from, to } = useRested(view);
  const first = Math.floor(from / STATES_AT_ONCE);
  const last = Math.floor(to / STATES_AT_ONCE);
  const blocks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * STATES_AT_ONCE);
  return useStates(blocks.flatMap((start) => byGateway(rows.slice(start, start + STATES_AT_ONCE))));
}

/** The first devices at a path or below it, and how many there are. */
export function useDevices(below: string, limit: number) {
  const may = useMay();
  return useQuery({
    queryKey: ["devices", "first", below, limit],
    queryFn: () => take(api.GET("/api/v1/edge/devices", { params: { query: { below, limit, sort: "path" } } })),
    refetchInterval: 30 * SECONDS,
    placeholderData: keepPreviousData,
    enabled: may("edge:read"),
  });
}

/** The devices that need somebody most, and how many are in each state. */
export function useStanding(limit: number) {
  const may = useMay();
  return useQuery({
    queryKey: ["devices", "standing", limit],
    queryFn: () => take(api.GET("/api/v1/edge/devices", { params: { query: { states: true, sort: "state", limit } } })),
    refetchInterval: 10 * SECONDS,
    enabled: may("edge:read"),
  });
}

/** How to ask for tags by their paths. */
export function tagsNamed(tag: readonly string[]) {
  return {
    queryKey: ["tags", "of", tag],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      take(api.GET("/api/v1/history/tags", { params: { query: { tag: [...tag] } }, signal })),
    staleTime: 60 * SECONDS,
  };
}

/** Tags below a path. */
export function useTagsBelow(path: string, limit: number) {
  return useQuery({
    queryKey: ["tags", path, limit],
    queryFn: () => take(api.GET("/api/v1/history/tags", { params: { query: { prefix: `${path}/`, limit } } })),
    staleTime: 60 * SECONDS,
    enabled: path !== "",
  });
}
