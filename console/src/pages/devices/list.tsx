/** Devices: ten or ten thousand. Searched, filtered and sorted by the server; what the address says is what one sees. */

import { PlusOutlined } from "@ant-design/icons";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Badge, Button, Input, Select } from "antd";
import { useCallback, useEffect, useMemo, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { api, type Problem, take } from "~/api/client";
import { type DeviceView, useStatesInView } from "~/api/queries";
import { type DeviceStates, isCurrent } from "~/api/states";
import { useMay } from "~/app/session";
import { useNow } from "~/live";
import { useAddressText } from "~/parts/address_text";
import * as format from "~/parts/format";
import { type Column, Grid, type Sort } from "~/parts/grid";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { StateChip } from "~/parts/state";
import { t } from "~/texts";
import { useWaiting } from "./waiting_list";

const PAGE = 500;
const REFRESH_MS = 15_000;
const DRIVERS = [
  "calculated",
  "coap",
  "http",
  "lorawan",
  "modbus",
  "mqtt",
  "mtconnect",
  "opcua",
  "s7",
  "snmp",
  "sparkplug",
];
const SORTS = ["name", "path", "driver", "endpoint", "points", "gateway", "project", "changed", "state"] as const;
const STATES = ["connected", "connecting", "lost", "refused", "unknown"];
type SortKey = (typeof SORTS)[number];

interface Asked {
  search: string;
  driver: string;
  gateway: string;
  below: string;
  state: string;
  sort: SortKey;
  descending: boolean;
}

/** What is asked for stands in the address, so that it can be sent to somebody. */
function useAsked(): [Asked, (change: Partial<Asked>) => void] {
  const [params, setParams] = useSearchParams();
  const sort = SORTS.find((key) => key === params.get("sort")) ?? "name";
  const asked = {
    search: params.get("search") ?? "",
    driver: params.get("driver") ?? "",
    gateway: params.get("gateway") ?? "",
    below: params.get("below") ?? "",
    state: params.get("state") ?? "",
    sort,
    descending: params.get("descending") === "true",
  };
  const change = useCallback(
    (changed: Partial<Asked>) =>
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          for (const [key, value] of Object.entries(changed)) {
            if (value === "" || value === false || (key === "sort" && value === "name")) after.delete(key);
            else after.set(key, String(value));
          }
          return after;
        },
        { replace: true },
      ),
    [setParams],
  );
  return [asked, change];
}

function useDeviceList(asked: Asked) {
  return useInfiniteQuery({
    queryKey: ["devices", "list", asked],
    queryFn: ({ pageParam, signal }) =>
      take(
        api.GET("/api/v1/edge/devices", {
          params: { query: { ...asked, states: true, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    staleTime: REFRESH_MS,
    // Of what was scrolled through page by page, all pages would be asked for again each time.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : REFRESH_MS),
  });
}

/** How many devices there are, and how many in each state, while more than one page of them is there. */
function useCounts(asked: Asked, enabled: boolean) {
  return useQuery({
    queryKey: ["devices", "counts", asked],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/edge/devices", { params: { query: { ...asked, states: true, limit: 1 } }, signal })),
    refetchInterval: REFRESH_MS,
    enabled,
  }).data;
}

export default function Devices() {
  const [asked, change] = useAsked();
  const [search, setSearch] = useAddressText("search");
  const navigate = useNavigate();
  const list = useDeviceList(asked);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const first = list.data?.pages[0];
  const counted = useCounts(asked, (list.data?.pages.length ?? 0) > 1) ?? first;
  const total = counted?.total;
  const counts = counted?.states;
  const [view, setView] = useState({ from: 0, to: 0 });
  const states = useStatesInView(rows, view);
  const current = isCurrent(list);
  const now = useNow();

  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && view.to > rows.length - PAGE / 2) void fetchNextPage();
  }, [view.to, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const onView = useCallback((from: number, to: number) => setView({ from, to }), []);
  const columns = useMemo(() => columnsOf(states, current, now), [states, current, now]);
  const sort: Sort = { key: asked.sort, descending: asked.descending };

  return (
    <div className="page full">
      <PageHead
        title={t("devices.title")}
        sub={total === undefined ? undefined : t("devices.count", { count: format.count(total) })}
      >
        <Actions />
      </PageHead>
      <Panel className="flush grid-panel">
        <div className="toolbar">
          <Input.Search
            className="wide-field"
            value={search}
            allowClear
            placeholder={t("devices.search")}
            aria-label={t("devices.search")}
            onChange={(event) => setSearch(event.target.value)}
          />
          <Select
            className="field"
            value={asked.driver}
            onChange={(driver) => change({ driver })}
            aria-label={t("devices.driver")}
            options={[
              { value: "", label: t("devices.all_drivers") },
              ...DRIVERS.map((driver) => ({ value: driver, label: driver })),
            ]}
          />
          <Select
            className="field"
            value={asked.state}
            onChange={(state) => change({ state })}
            aria-label={t("devices.state")}
            options={[
              { value: "", label: t("devices.all_states") },
              ...STATES.map((state) => ({ value: state, label: stateLabel(state, counts?.[state]) })),
            ]}
          />
          {asked.gateway && (
            <button type="button" className="chip" onClick={() => change({ gateway: "" })}>
              {t("devices.of_gateway", { gateway: asked.gateway })} ×
            </button>
          )}
          {asked.below && (
            <button type="button" className="chip" onClick={() => change({ below: "" })}>
              {t("devices.below", { path: asked.below })} ×
            </button>
          )}
        </div>
        {list.error && <ProblemBox problem={list.error as unknown as Problem} onRetry={() => void list.refetch()} />}
        {(list.data || !list.error) && (
          <Grid
            label={t("devices.title")}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.handle}
            total={total}
            sort={sort}
            onSort={({ key, descending }) => change({ sort: key as SortKey, descending })}
            onView={onView}
            onOpen={(row) => void navigate(`/devices/${encodeURIComponent(row.name)}`)}
            rowHeight={48}
            question={JSON.stringify(asked)}
            empty={
              !list.isPending && (
                <Empty
                  searching={Boolean(asked.search || asked.driver || asked.below || asked.state || asked.gateway)}
                />
              )
            }
          />
        )}
        <div className="grid-foot">
          <span>{t("devices.shown", { shown: format.count(rows.length), total: format.count(total ?? 0) })}</span>
          <span>{list.isFetching ? t("devices.loading") : ""}</span>
        </div>
      </Panel>
    </div>
  );
}

function stateLabel(state: string, count: number | undefined): string {
  return `${t(`state.${state}`)} (${format.count(count ?? 0)})`;
}

/** What one may do beside looking; what waits for a second person is said with its number. */
function Actions() {
  const may = useMay();
  const waiting = useWaiting(may("edge:approve_command")).data?.items.length ?? 0;
  return (
    <>
      {(may("edge:approve_command") || may("access:approve")) && (
        <Badge count={waiting} size="small">
          <Link to="/devices/@waiting">
            <Button>{t("waiting.title")}</Button>
          </Link>
        </Badge>
      )}
      <Link to="/devices/@gateways">
        <Button>{t("gateways.title")}</Button>
      </Link>
      {may("edge:configure") && (
        <Link to="/devices/@add">
          <Button type="primary" icon={<PlusOutlined aria-hidden />}>
            {t("add.title")}
          </Button>
        </Link>
      )}
    </>
  );
}

/** How a device stands: as its gateway says now, else as the list said if that is no older than the last question. */
function stateOf(row: DeviceView, states: DeviceStates, current: boolean): string | undefined {
  if (states.silent.has(row.name)) return undefined;
  return states.known.get(row.name)?.state ?? (current ? row.state : undefined);
}

function columnsOf(states: DeviceStates, current: boolean, now: number): Column<DeviceView>[] {
  return [
    {
      key: "name",
      title: t("devices.name"),
      width: "minmax(180px, 2fr)",
      sortable: true,
      render: (row) => (
        <div className="stack">
          <Link to={`/devices/${encodeURIComponent(row.name)}`}>{row.name}</Link>
          <small>{row.description}</small>
        </div>
      ),
    },
    {
      key: "state",
      title: t("devices.state"),
      width: "140px",
      sortable: true,
      render: (row) => <StateChip state={stateOf(row, states, current)} />,
    },
    {
      key: "newest",
      title: t("devices.newest"),
      width: "100px",
      number: true,
      render: (row) => {
        const newest = states.known.get(row.name)?.newest;
        return newest ? format.age((now / 1000 - Date.parse(newest)) / 1000) : "—";
      },
    },
    { key: "driver", title: t("devices.driver"), width: "110px", sortable: true, render: (row) => row.driver },
    {
      key: "endpoint",
      title: t("devices.endpoint"),
      width: "minmax(150px, 1.6fr)",
      sortable: true,
      render: (row) => <code>{row.endpoint}</code>,
    },
    {
      key: "points",
      title: t("devices.points"),
      width: "90px",
      number: true,
      sortable: true,
      render: (row) => format.count(row.points),
    },
    {
      key: "path",
      title: t("devices.path"),
      width: "minmax(160px, 2fr)",
      sortable: true,
      render: (row) => <span className="quiet">{row.path}</span>,
    },
    {
      key: "changed",
      title: t("devices.changed"),
      width: "184px",
      sortable: true,
      render: (row) => format.dateTime(row.changed),
    },
  ];
}

function Empty({ searching }: { searching: boolean }) {
  const mayAdd = useMay()("edge:configure");
  return searching ? (
    <Nothing title={t("devices.none_found")}>
      <p>{t("devices.none_found_hint")}</p>
    </Nothing>
  ) : (
    <Nothing title={t("devices.none")}>
      <p>{t(mayAdd ? "devices.none_hint" : "devices.none_ask")}</p>
      {mayAdd && (
        <Link to="/devices/@add">
          <Button type="primary">{t("add.title")}</Button>
        </Link>
      )}
    </Nothing>
  );
}
