/** One device: its points as they are now, how it is read, what it counted, what is missing. */

import { ArrowLeftOutlined, EditOutlined, LineChartOutlined } from "@ant-design/icons";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Alert, Button, Input, Skeleton, Typography } from "antd";
import { useCallback, useMemo, useState } from "react";
import { Link, useParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { type TagView, useGatewayStatus, useTagsBelow } from "~/api/queries";
import { useMay } from "~/app/session";
import { useNow } from "~/live";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { LiveAge, LiveQuality, LiveValue } from "~/parts/live";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { type Spark, Sparkline } from "~/parts/sparkline";
import { StateChip } from "~/parts/state";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";
import { Commands, WriteDialogue } from "./command";

type Device = Schemas["Device"];
type Point = Device["points"][number];

const MOST_POINTS = 1000;
const SPARK_WINDOW = "-15m";
const SPARK_INTERVAL = "20s";
/** Sparklines are fetched for this many points at a time. */
const BLOCK = 20;

export default function DevicePage() {
  const { name = "" } = useParams();
  const device = useQuery({
    queryKey: ["device", name],
    queryFn: () => take(api.GET("/api/v1/edge/devices/{name}", { params: { path: { name } } })),
  });
  const listed = useQuery({
    queryKey: ["device", name, "listed"],
    queryFn: async () => {
      const page = await take(api.GET("/api/v1/edge/devices", { params: { query: { search: name, limit: 1000 } } }));
      return page.items.find((each) => each.name === name) ?? null;
    },
  }).data;
  const gateway = useGatewayStatus(listed?.gateway ?? "gateway", [name], listed !== undefined);
  const status = gateway.data?.devices.find((each) => each.name === name);
  const now = useNow();

  if (device.error) {
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
              children: <Counts counts={status?.counts} newest={status?.newest} />,
            },
            { key: "gaps", label: t("device.gaps"), children: <Gaps gateway={listed?.gateway ?? "gateway"} /> },
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
  tag: TagView | undefined;
}

function Points({ device }: { device: Device }) {
  const [filter, setFilter] = useState("");
  const tags = useTagsBelow(device.path, MOST_POINTS).data?.items;
  const rows = useMemo(() => {
    const byPath = new Map((tags ?? []).map((tag) => [tag.path, tag]));
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return device.points
      .map((point) => ({
        point,
        path: `${device.path}/${point.name}`,
        tag: byPath.get(`${device.path}/${point.name}`),
      }))
      .filter(({ point }) =>
        words.every((word) => `${point.name} ${point.description ?? ""}`.toLowerCase().includes(word)),
      );
  }, [device, tags, filter]);
  const [view, setView] = useState({ from: 0, to: 0 });
  const onView = useCallback((from: number, to: number) => setView({ from, to }), []);
  const sparks = useSparks(rows, view.from, view.to);
  const [writing, setWriting] = useState<Row>();
  const may = useMay();
  const write = may("edge:command") ? setWriting : undefined;
  const columns = useMemo(() => columnsOf(sparks, write), [sparks, write]);
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
        empty={<Nothing title={t("device.no_points")} />}
      />
      {writing && (
        <WriteDialogue
          device={device.name}
          point={writing.point}
          path={writing.path}
          unit={writing.tag?.unit ?? ""}
          kind={writing.tag?.kind ?? "number"}
          onClose={() => setWriting(undefined)}
        />
      )}
    </>
  );
}

/** The last quarter of an hour of the points in view, a block of them with one request. */
function useSparks(rows: readonly Row[], from: number, to: number): Map<string, Spark> {
  const blocks: string[][] = [];
  for (let block = Math.floor(from / BLOCK); block * BLOCK <= to; block += 1) {
    const numeric = rows.slice(block * BLOCK, (block + 1) * BLOCK).filter((row) => row.tag && row.tag.kind !== "text");
    if (numeric.length) blocks.push(numeric.map((row) => row.path));
  }
  return useQueries({
    queries: blocks.map((paths) => ({
      queryKey: ["sparks", paths],
      queryFn: () =>
        take(
          api.GET("/api/v1/history/processed", {
            params: { query: { tag: paths, from: SPARK_WINDOW, interval: SPARK_INTERVAL, aggregate: "Average" } },
          }),
        ),
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

function columnsOf(sparks: Map<string, Spark>, write: ((row: Row) => void) | undefined): Column<Row>[] {
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
      render: ({ path, tag }) => <LiveValue path={path} unit={tag?.unit} />,
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

function Counts({ counts, newest }: { counts: Record<string, number> | undefined; newest: string | null | undefined }) {
  if (!counts) return <Nothing title={t("device.no_counts")} />;
  return (
    <dl className="facts padded">
      <dt>{t("device.newest")}</dt>
      <dd>{format.dateTime(newest)}</dd>
      {Object.entries(counts).map(([name, count]) => (
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

function Gaps({ gateway }: { gateway: string }) {
  const gaps = useQuery({
    queryKey: ["gaps", gateway],
    queryFn: () => take(api.GET("/api/v1/history/gaps", { params: { query: { gateway, from: "-7d", limit: 200 } } })),
    refetchInterval: 30_000,
  });
  if (gaps.error) return <ProblemBox problem={gaps.error as unknown as Problem} />;
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
              <td>{gap.cause}</td>
              <td className="number">{gap.rows === null ? "—" : format.count(gap.rows)}</td>
              <td className="quiet">{gap.detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
