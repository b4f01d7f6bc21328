/** One device: its points as they are now, how it is read, what it counted, what is missing. */

import { ArrowLeftOutlined, EditOutlined, LineChartOutlined } from "@ant-design/icons";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Alert, Button, Input, Skeleton, Typography } from "antd";
import { useCallback, useMemo, useState } from "react";
import { Link, useParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { type DeviceStatus, type TagView, tagsNamed, useGatewayStatus } from "~/api/queries";
import { isCurrent } from "~/api/states";
import { useMay } from "~/app/session";
import { useNow } from "~/live";
import { useAddressText } from "~/parts/address_text";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { LiveAge, LiveQuality, LiveValue } from "~/parts/live";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { useRested } from "~/parts/rested";
import { type Spark, Sparkline } from "~/parts/sparkline";
import { StateChip } from "~/parts/state";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";
import { Commands, WriteDialogue } from "./command";

type Device = Schemas["Device"];
type Point = Device["points"][number];

const SPARK_WINDOW = "-15m";
const SPARK_INTERVAL = "20s";
/** Tags and sparklines are fetched for this many points at a time. */
const BLOCK = 20;

export default function DevicePage() {
  const { name = "" } = useParams();
  const device = useQuery({
    queryKey: ["device", name],
    queryFn: () => take(api.GET("/api/v1/edge/devices/{name}", { params: { path: { name } } })),
  });
  const listed = useQuery({
    queryKey: ["device", name, "listed"],
    queryFn: async () =>
      (await take(api.GET("/api/v1/edge/devices", { params: { query: { name } } }))).items[0] ?? null,
  }).data;
  const gateway = useGatewayStatus(listed?.gateway ?? "", [name], Boolean(listed));
  const last = gateway.data?.devices.find((each) => each.name === name);
  const status = isCurrent(gateway) ? last : undefined;
  const now = useNow();

  if (device.error && !device.data) {
    return (
      <div className="page">
        <Back />
        <ProblemBox problem={device.error as unknown as Problem} onRetry={() => void device.refetch()} />
      </div>
    );
  }
  const data = device.data as Device | undefined;
  const trended = (data?.points ?? [])
    .slice(0, 4)
    .map((point) => `tag=${encodeURIComponent(`${data?.path}/${point.name}`)}`);
  return (
    <div className="page full">
      <Back />
      <PageHead
        title={
          <>
            {name} <StateChip state={status?.state} />
          </>
        }
        sub={data?.description}
      >
        <Link to={`/trends?${trended.join("&")}`}>
          <Button icon={<LineChartOutlined />}>{t("device.trends")}</Button>
        </Link>
      </PageHead>
      {gateway.error && (
        <ProblemBox problem={gateway.error as unknown as Problem} onRetry={() => void gateway.refetch()} />
      )}
      {status && status.state !== "connected" && (status.message || status.hint) && (
        <Alert type="warning" showIcon title={status.message} description={status.hint} />
      )}
      <Panel>
        {data ? (
          <dl className="facts facts-wide">
            <dt>{t("device.path")}</dt>
            <dd>{data.path}</dd>
            <dt>{t("device.handle")}</dt>
            <dd>
              <Typography.Text copyable className="mono">
                {data.handle ?? ""}
              </Typography.Text>
            </dd>
            <dt>{t("device.driver")}</dt>
            <dd>
              {data.driver}
              {data.profile ? ` · ${t("device.profile", { profile: data.profile })}` : ""}
            </dd>
            <dt>{t("device.endpoint")}</dt>
            <dd>
              <code>{data.endpoint}</code>
            </dd>
            <dt>{t("device.gateway")}</dt>
            <dd>{listed?.gateway ?? "—"}</dd>
            <dt>{t("device.since")}</dt>
            <dd>
              {status
                ? `${format.dateTime(status.since)} (${format.age((now / 1000 - Date.parse(status.since)) / 1000)})`
                : "—"}
            </dd>
          </dl>
        ) : (
          <Skeleton active paragraph={{ rows: 2 }} />
        )}
      </Panel>
      <Panel className="flush grid-panel device-tabs">
        <AddressTabs
          items={[
            {
              key: "points",
              label: t("device.points", { count: data?.points.length ?? 0 }),
              children: data && <Points device={data} />,
            },
            ...(data?.points.some(writable)
              ? [{ key: "commands", label: t("device.commands"), children: <Commands device={name} /> }]
              : []),
            {
              key: "groups",
              label: t("device.groups", { count: data?.groups?.length ?? 0 }),
              children: data && <Groups device={data} />,
            },
            {
              key: "counts",
              label: t("device.counts"),
              children: <Counts status={last} saidAt={status ? undefined : gateway.dataUpdatedAt} />,
            },
            { key: "gaps", label: t("device.gaps"), children: listed && <Gaps gateway={listed.gateway} /> },
          ]}
        />
      </Panel>
    </div>
  );
}

function Back() {
  return (
    <Link to="/devices" className="back">
      <ArrowLeftOutlined /> {t("devices.title")}
    </Link>
  );
}

interface Row {
  point: Point;
  path: string;
}

/** What is in view, in blocks that stay the same while somebody scrolls within them. */
function blocksOf(rows: readonly Row[], from: number, to: number): Row[][] {
  const first = Math.floor(from / BLOCK);
  const blocks = Array.from({ length: Math.floor(to / BLOCK) - first + 1 }, (_, index) => (first + index) * BLOCK);
  return blocks.map((start) => rows.slice(start, start + BLOCK)).filter((block) => block.length > 0);
}

function Points({ device }: { device: Device }) {
  const [filter, setFilter] = useAddressText("filter");
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return device.points
      .map((point) => ({ point, path: `${device.path}/${point.name}` }))
      .filter(({ point }) =>
        words.every((word) => `${point.name} ${point.description ?? ""}`.toLowerCase().includes(word)),
      );
  }, [device, filter]);
  const [view, setView] = useState({ from: 0, to: 0 });
  const onView = useCallback((from: number, to: number) => setView({ from, to }), []);
  const rested = useRested(view);
  const blocks = blocksOf(rows, rested.from, rested.to);
  const tags = useTagsOf(blocks);
  const sparks = useSparks(blocks);
  const [writing, setWriting] = useState<Row>();
  const may = useMay();
  const write = may("edge:command") ? setWriting : undefined;
  const columns = useMemo(() => columnsOf(tags, sparks, write), [tags, sparks, write]);
  return (
    <>
      <div className="toolbar">
        <Input
          className="wide-field"
          allowClear
          value={filter}
          placeholder={t("device.filter")}
          aria-label={t("device.filter")}
          onChange={(event) => setFilter(event.target.value)}
        />
      </div>
      <Grid
        label={t("device.points", { count: rows.length })}
        columns={columns}
        rows={rows}
        rowKey={(row) => row.path}
        onView={onView}
        rowHeight={46}
        empty={<NoPoints device={device} onClear={() => setFilter("")} />}
      />
      {writing && (
        <WriteDialogue
          device={device.name}
          point={writing.point}
          path={writing.path}
          unit={tags.get(writing.path)?.unit ?? writing.point.unit_text ?? ""}
          kind={writing.point.kind ?? "number"}
          onClose={() => setWriting(undefined)}
        />
      )}
    </>
  );
}

/** Why no point is shown, and what to do. */
function NoPoints({ device, onClear }: { device: Device; onClear: () => void }) {
  if (device.points.length > 0) {
    return (
      <Nothing title={t("device.no_such_points")}>
        <Button onClick={onClear}>{t("device.filter_clear")}</Button>
      </Nothing>
    );
  }
  return (
    <Nothing title={t("device.no_points")}>
      <p>
        {t("device.no_points_hint")} <code>lineshaft device import {device.name}</code>
      </p>
    </Nothing>
  );
}

/** Units and kinds of the points in view. */
function useTagsOf(blocks: readonly Row[][]): Map<string, TagView> {
  return useQueries({
    queries: blocks.map((rows) => tagsNamed(rows.map(({ path }) => path))),
    combine: useCallback(
      (answers: { data?: Schemas["TagPage"] }[]) =>
        new Map(answers.flatMap((answer) => answer.data?.items ?? []).map((tag) => [tag.path, tag])),
      [],
    ),
  });
}

/** The last quarter of an hour of the points in view, a block of them with one request. */
function useSparks(blocks: readonly Row[][]): Map<string, Spark> {
  const numeric = blocks.map((rows) => rows.filter(({ point }) => point.kind !== "text").map(({ path }) => path));
  return useQueries({
    queries: numeric.map((paths) => ({
      queryKey: ["sparks", paths],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        take(
          api.GET("/api/v1/history/processed", {
            params: { query: { tag: paths, from: SPARK_WINDOW, interval: SPARK_INTERVAL, aggregate: "Average" } },
            signal,
          }),
        ),
      enabled: paths.length > 0,
      refetchInterval: 30_000,
      staleTime: 20_000,
    })),
    combine: useCallback((answers: { data?: Schemas["ValuePage"] }[]) => {
      const found = new Map<string, { values: (number | null)[] }>();
      for (const item of answers.flatMap((answer) => answer.data?.items ?? [])) {
        const spark = found.get(item.path) ?? { values: [] };
        spark.values.push(typeof item.value === "number" ? item.value : null);
        found.set(item.path, spark);
      }
      return found;
    }, []),
  });
}

function writable(point: Point): boolean {
  return point.access === "read-write" || point.access === "write";
}

function columnsOf(
  tags: Map<string, TagView>,
  sparks: Map<string, Spark>,
  write: ((row: Row) => void) | undefined,
): Column<Row>[] {
  return [
    {
      key: "name",
      title: t("device.point"),
      width: "minmax(200px, 1.6fr)",
      render: ({ point, path }) => (
        <div className="stack">
          <Link to={`/trends?tag=${encodeURIComponent(path)}`}>{point.name}</Link>
          <small>{point.description}</small>
        </div>
      ),
    },
    {
      key: "value",
      title: t("device.value"),
      width: "150px",
      number: true,
      render: ({ path }) => <LiveValue path={path} unit={tags.get(path)?.unit} />,
    },
    {
      key: "spark",
      title: t("device.spark"),
      width: "minmax(140px, 1fr)",
      render: ({ path, point }) => (
        <Sparkline spark={sparks.get(path)} label={t("device.spark_of", { name: point.name })} />
      ),
    },
    {
      key: "quality",
      title: t("device.quality"),
      width: "minmax(110px, 1fr)",
      render: ({ path }) => <LiveQuality path={path} />,
    },
    { key: "age", title: t("device.age"), width: "90px", number: true, render: ({ path }) => <LiveAge path={path} /> },
    {
      key: "access",
      title: t("device.access"),
      width: "120px",
      render: (row) =>
        writable(row.point) && write ? (
          <Button size="small" icon={<EditOutlined />} onClick={() => write(row)}>
            {t("device.write")}
          </Button>
        ) : (
          <span className="quiet">{t(writable(row.point) ? "device.writable" : "device.readable")}</span>
        ),
    },
    {
      key: "address",
      title: t("device.address"),
      width: "minmax(140px, 1.2fr)",
      render: ({ point }) => <code>{point.address}</code>,
    },
  ];
}

function Groups({ device }: { device: Device }) {
  const used = new Map<string, number>();
  for (const point of device.points) used.set(point.group ?? "main", (used.get(point.group ?? "main") ?? 0) + 1);
  return (
    <div className="table-scroll">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("device.group")}</th>
            <th>{t("device.mode")}</th>
            <th className="number">{t("device.period")}</th>
            <th className="number">{t("device.phase")}</th>
            <th className="number">{t("device.group_points")}</th>
          </tr>
        </thead>
        <tbody>
          {(device.groups ?? []).map((group) => (
            <tr key={group.name}>
              <td>{group.name}</td>
              <td>{t(`mode.${group.mode ?? "subscribe"}`)}</td>
              <td className="number">{format.count(group.period_ms ?? 0)} ms</td>
              <td className="number">{format.count(group.phase_ms ?? 0)} ms</td>
              <td className="number">{format.count(used.get(group.name ?? "main") ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** `saidAt`: the gateway is silent since, and this is the last that it said. */
function Counts({ status, saidAt }: { status: DeviceStatus | undefined; saidAt: number | undefined }) {
  if (!status) return <Nothing title={t("device.no_counts")} />;
  return (
    <dl className={saidAt === undefined ? "facts padded" : "facts padded old"}>
      {saidAt !== undefined && (
        <>
          <dt>{t("device.counts_old")}</dt>
          <dd>{format.dateTime(saidAt)}</dd>
        </>
      )}
      <dt>{t("device.newest")}</dt>
      <dd>{format.dateTime(status.newest)}</dd>
      {Object.entries(status.counts ?? {}).map(([name, count]) => (
        <div key={name} className="facts-pair">
          <dt>{nameOfCount(name)}</dt>
          <dd>{format.count(count)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Counters of single drivers have no words here; they are shown by their names. */
// texts: count.*
function nameOfCount(name: string): string {
  const words = t(`count.${name}`);
  return words === `count.${name}` ? name.replaceAll("_", " ") : words;
}

/** Causes that a history of tomorrow may know have no words here; they are shown by their names. */
// texts: gap_cause.*
function nameOfCause(cause: string): string {
  const words = t(`gap_cause.${cause}`);
  return words === `gap_cause.${cause}` ? cause : words;
}

/** What is missing is known by gateways, not by their devices: a sample that never came names none. */
function Gaps({ gateway }: { gateway: string }) {
  const gaps = useQuery({
    queryKey: ["gaps", gateway],
    queryFn: () => take(api.GET("/api/v1/history/gaps", { params: { query: { gateway, from: "-7d", limit: 200 } } })),
    refetchInterval: 30_000,
  });
  if (gaps.error && !gaps.data)
    return <ProblemBox problem={gaps.error as unknown as Problem} onRetry={() => void gaps.refetch()} />;
  if (!gaps.data) return <Skeleton active />;
  if (gaps.data.items.length === 0) {
    return (
      <Nothing title={t("device.no_gaps")}>
        <p>{t("device.no_gaps_hint", { gateway })}</p>
      </Nothing>
    );
  }
  return (
    <div className="table-scroll">
      <p className="padded quiet">
        {t("device.gaps_of")}{" "}
        <Link to={`/devices?gateway=${encodeURIComponent(gateway)}`}>{t("devices.of_gateway", { gateway })}</Link>
      </p>
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("device.gap_from")}</th>
            <th>{t("device.gap_to")}</th>
            <th>{t("device.gap_cause")}</th>
            <th className="number">{t("device.gap_rows")}</th>
            <th>{t("device.gap_detail")}</th>
          </tr>
        </thead>
        <tbody>
          {gaps.data.items.map((gap) => (
            <tr key={`${gap.from} ${gap.boot} ${gap.from_seq}`}>
              <td>{format.dateTime(gap.from)}</td>
              <td>{format.dateTime(gap.to)}</td>
              <td>{nameOfCause(gap.cause)}</td>
              <td className="number">{gap.rows === null ? "—" : format.count(gap.rows)}</td>
              <td className="quiet">{gap.detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
