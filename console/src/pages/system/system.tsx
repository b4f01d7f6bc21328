/** The installation itself: its services, its long work, its settings, one's own tokens and sessions, what it is made of. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, Popconfirm, Progress } from "antd";
import { useMemo, useState } from "react";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useSystemStatus } from "~/api/queries";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { ProblemBox } from "~/parts/problem";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";

export default function System() {
  const may = useMay();
  const items = [
    { key: "services", label: t("system.services"), children: <Services /> },
    ...(may("jobs:read") ? [{ key: "jobs", label: t("system.jobs"), children: <Jobs /> }] : []),
    ...(may("system:manage") ? [{ key: "settings", label: t("system.settings"), children: <Settings /> }] : []),
    { key: "tokens", label: t("system.tokens"), children: <Tokens /> },
    { key: "about", label: t("system.about"), children: <About /> },
  ];
  return (
    <div className="page full">
      <PageHead title={t("system.title")} />
      <Panel className="flush grid-panel device-tabs">
        <AddressTabs items={items} />
      </Panel>
    </div>
  );
}

function Services() {
  const system = useSystemStatus();
  if (system.error)
    return <ProblemBox problem={system.error as unknown as Problem} onRetry={() => void system.refetch()} />;
  return (
    <div className="table-scroll">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("system.service")}</th>
            <th>{t("system.state")}</th>
            <th className="number">{t("system.pid")}</th>
            <th className="number">{t("system.restarts")}</th>
            <th>{t("system.checks")}</th>
          </tr>
        </thead>
        <tbody>
          {(system.data?.services ?? []).map((service) => (
            <tr key={service.name}>
              <td>
                <b>{service.name}</b>
              </td>
              <td>
                <span className={service.ok ? "chip good" : "chip bad"}>
                  <span className={service.ok ? "dot good" : "dot bad"} />
                  {service.state || t("system.unsupervised")}
                </span>
              </td>
              <td className="number">{service.pid ?? "—"}</td>
              <td className="number">{service.restarts}</td>
              <td>
                <div className="chips">
                  {service.checks.map((check) => (
                    <span
                      key={check.name}
                      className={check.ok ? "chip" : "chip bad"}
                      title={[check.detail, check.hint].filter(Boolean).join("\n")}
                    >
                      <span className={check.ok ? "dot good" : "dot bad"} />
                      {check.name}
                      {!check.ok && check.detail ? `: ${check.detail}` : ""}
                    </span>
                  ))}
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Job = Schemas["JobView"];
const RUNNING = new Set(["queued", "running"]);

// texts: job.*
function Jobs() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();

  async function cancel(job: Job): Promise<void> {
    try {
      await take(api.POST("/api/v1/system/jobs/{job_id}/cancel", { params: { path: { job_id: job.id } } }));
      await client.invalidateQueries({ queryKey: ["jobs"] });
    } catch (problem) {
      message.error((problem as Problem).message);
    }
  }

  const columns: Column<Job>[] = [
    {
      key: "title",
      title: t("system.job"),
      width: "minmax(220px, 2fr)",
      render: (job) => <span title={job.id}>{job.title}</span>,
    },
    {
      key: "state",
      title: t("system.state"),
      width: "130px",
      render: (job) => (
        <span className={`chip ${job.state === "failed" ? "bad" : job.state === "done" ? "good" : ""}`}>
          {t(`job.${job.state}`)}
        </span>
      ),
    },
    {
      key: "progress",
      title: t("system.progress"),
      width: "minmax(160px, 1fr)",
      render: (job) =>
        RUNNING.has(job.state) &&
        (job.total ? (
          <Progress percent={Math.floor((100 * job.done) / job.total)} size="small" />
        ) : (
          format.count(job.done)
        )),
    },
    {
      key: "message",
      title: t("system.message"),
      width: "minmax(180px, 2fr)",
      render: (job) => String(job.error?.title ?? job.message),
    },
    { key: "created", title: t("system.begun"), width: "180px", render: (job) => format.dateTime(job.created) },
    {
      key: "cancel",
      title: "",
      width: "120px",
      render: (job) =>
        RUNNING.has(job.state) &&
        may("jobs:run") && (
          <Popconfirm title={t("system.cancel_sure")} onConfirm={() => cancel(job)}>
            <Button size="small">{t("system.cancel")}</Button>
          </Popconfirm>
        ),
    },
  ];
  return (
    <Paged
      label={t("system.jobs")}
      queryKey={["jobs"]}
      columns={columns}
      rowKey={(job) => job.id}
      refreshSeconds={2}
      fetch={(cursor) => take(api.GET("/api/v1/system/jobs", { params: { query: { cursor, limit: 100 } } }))}
      empty={
        <Nothing title={t("system.no_jobs")}>
          <p>{t("system.no_jobs_hint")}</p>
        </Nothing>
      }
    />
  );
}

type Setting = Schemas["SettingRow"];

function Settings() {
  const [filter, setFilter] = useState("");
  const settings = useQuery({ queryKey: ["settings"], queryFn: () => take(api.GET("/api/v1/system/settings")) });
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return (settings.data?.items ?? []).filter((row) =>
      words.every((word) => `${row.name} ${row.description}`.toLowerCase().includes(word)),
    );
  }, [settings.data, filter]);
  const columns: Column<Setting>[] = [
    {
      key: "name",
      title: t("system.setting"),
      width: "minmax(240px, 1.2fr)",
      render: (row) => <code>{row.name}</code>,
    },
    {
      key: "value",
      title: t("system.value"),
      width: "minmax(160px, 1fr)",
      render: (row) => <code>{typeof row.value === "string" ? row.value : JSON.stringify(row.value)}</code>,
    },
    {
      key: "origin",
      title: t("system.origin"),
      width: "minmax(140px, .8fr)",
      render: (row) => <span className={row.origin === "default" ? "quiet" : "chip warn"}>{row.origin}</span>,
    },
    {
      key: "description",
      title: t("system.meaning"),
      width: "minmax(280px, 2fr)",
      render: (row) => <span title={row.description}>{row.description}</span>,
    },
  ];
  if (settings.error)
    return <ProblemBox problem={settings.error as unknown as Problem} onRetry={() => void settings.refetch()} />;
  return (
    <>
      <div className="toolbar">
        <Input
          className="wide-field"
          allowClear
          value={filter}
          placeholder={t("system.filter")}
          aria-label={t("system.filter")}
          onChange={(event) => setFilter(event.target.value)}
        />
        <span className="quiet">{t("system.settings_hint")}</span>
      </div>
      <Grid label={t("system.settings")} columns={columns} rows={rows} rowKey={(row) => row.name} />
    </>
  );
}

function Tokens() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: () => take(api.GET("/api/v1/access/tokens")) });
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => take(api.GET("/api/v1/access/sessions")) });

  async function end(work: () => Promise<unknown>, key: string): Promise<void> {
    try {
      await work();
      await client.invalidateQueries({ queryKey: [key] });
    } catch (problem) {
      message.error((problem as Problem).message);
    }
  }

  return (
    <div className="padded columns">
      <h2>{t("system.sessions")}</h2>
      <table className="plain-table">
        <tbody>
          {(sessions.data?.items ?? []).map((session) => (
            <tr key={session.id}>
              <td>{session.address}</td>
              <td>{t("system.seen", { time: format.dateTime(session.seen) })}</td>
              <td className="number">
                {session.current ? (
                  <span className="chip good">{t("system.this_session")}</span>
                ) : (
                  <Button
                    size="small"
                    onClick={() =>
                      end(
                        () =>
                          take(
                            api.DELETE("/api/v1/access/sessions/{session}", {
                              params: { path: { session: session.id } },
                            }),
                          ),
                        "sessions",
                      )
                    }
                  >
                    {t("system.end")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>{t("system.api_tokens")}</h2>
      {tokens.data?.items.length === 0 && (
        <p className="quiet">
          {t("system.no_tokens")} <code>lineshaft access token create</code>
        </p>
      )}
      <table className="plain-table">
        <tbody>
          {(tokens.data?.items ?? []).map((token) => (
            <tr key={token.id}>
              <td>
                <b>{token.label}</b>
              </td>
              <td>{token.scopes.join(", ")}</td>
              <td>{t("system.until", { time: format.dateTime(token.expires) })}</td>
              <td className="number">
                <Popconfirm
                  title={t("system.token_sure")}
                  onConfirm={() =>
                    end(
                      () =>
                        take(api.DELETE("/api/v1/access/tokens/{token}", { params: { path: { token: token.id } } })),
                      "tokens",
                    )
                  }
                >
                  <Button size="small">{t("system.end")}</Button>
                </Popconfirm>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Licence {
  name: string;
  version: string;
  licence: string;
}

function About() {
  const system = useSystemStatus().data;
  const licences = useQuery({
    queryKey: ["licences"],
    queryFn: async () => (await (await fetch("/licences.json")).json()) as Licence[],
    staleTime: Number.POSITIVE_INFINITY,
  });
  const columns: Column<Licence>[] = [
    { key: "name", title: t("system.package"), width: "minmax(220px, 1fr)", render: (row) => row.name },
    { key: "version", title: t("system.version"), width: "140px", render: (row) => row.version },
    { key: "licence", title: t("system.licence"), width: "minmax(160px, 1fr)", render: (row) => row.licence },
  ];
  return (
    <>
      <dl className="facts padded">
        <dt>Lineshaft 天轴</dt>
        <dd>{system?.version} · Apache-2.0</dd>
        <dt>{t("system.tenant")}</dt>
        <dd>{system?.tenant}</dd>
        <dt>{t("system.site")}</dt>
        <dd>{system?.site}</dd>
        <dt>{t("system.prefix")}</dt>
        <dd className="mono">{system?.prefix}</dd>
        <dt>{t("system.interface")}</dt>
        <dd>
          <a href="/api/docs">{t("system.interface_docs")}</a>
        </dd>
      </dl>
      <Grid
        label={t("system.licence")}
        columns={columns}
        rows={licences.data ?? []}
        rowKey={(row) => `${row.name} ${row.version}`}
        rowHeight={34}
      />
    </>
  );
}
