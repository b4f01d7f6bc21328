/** Backups: made as a job, listed, removed; restoring makes a new installation, so the page says how and does not do it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

type Backup = Schemas["Backup"];
const KEY = ["backups"];
const UNFINISHED = new Set(["queued", "running"]);

export function Backups() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [job, setJob] = useState("");
  const backups = useQuery({ queryKey: KEY, queryFn: () => take(api.GET("/api/v1/system/backups")) });
  const state = useRunning(job, () => void client.invalidateQueries({ queryKey: KEY }));

  async function make(): Promise<void> {
    try {
      setJob((await take(api.POST("/api/v1/system/backups"))).job);
    } catch (problem) {
      message.error((problem as Problem).message);
    }
  }

  async function remove(name: string): Promise<void> {
    try {
      await take(api.DELETE("/api/v1/system/backups/{name}", { params: { path: { name } } }));
      await client.invalidateQueries({ queryKey: KEY });
    } catch (problem) {
      message.error((problem as Problem).message);
    }
  }

  const folder = backups.data?.folder ?? "";
  const columns: Column<Backup>[] = [
    { key: "written", title: t("system.written"), width: "190px", render: (row) => format.dateTime(row.written) },
    { key: "name", title: t("system.file"), width: "minmax(280px, 2fr)", render: (row) => <code>{row.name}</code> },
    { key: "bytes", title: t("system.size"), width: "110px", number: true, render: (row) => format.bytes(row.bytes) },
    {
      key: "automatic",
      title: t("system.reason"),
      width: "minmax(150px, 1fr)",
      render: (row) => t(row.automatic ? "system.before_upgrade" : "system.by_hand"),
    },
    {
      key: "remove",
      title: "",
      width: "120px",
      render: (row) => (
        <Popconfirm title={t("system.remove_sure", { name: row.name })} onConfirm={() => remove(row.name)}>
          <Button size="small">{t("system.remove")}</Button>
        </Popconfirm>
      ),
    },
  ];
  const begin = (
    <Button type="primary" loading={UNFINISHED.has(state?.state ?? "")} onClick={() => void make()}>
      {t("system.back_up")}
    </Button>
  );
  if (backups.error)
    return <ProblemBox problem={backups.error as unknown as Problem} onRetry={() => void backups.refetch()} />;
  return (
    <>
      <div className="toolbar">
        {begin}
        <span className="quiet" role="status">
          {state && (
            <Link to="?tab=jobs">
              {t(`job.${state.state}`)} {state.error ? String(state.error.message) : ""}
            </Link>
          )}
        </span>
        <span className="quiet">{t("system.backup_hint")}</span>
      </div>
      <Grid
        label={t("system.backups")}
        columns={columns}
        rows={backups.data?.items ?? []}
        rowKey={(row) => row.name}
        empty={
          backups.data && (
            <Nothing title={t("system.no_backups")}>
              <p>{t("system.no_backups_hint")}</p>
            </Nothing>
          )
        }
      />
      <div className="padded">
        <h2>{t("system.restore")}</h2>
        <p className="quiet">{t("system.restore_hint")}</p>
        <pre className="command">
          lineshaft restore {folder}/{backups.data?.items[0]?.name ?? "FILE"} --home NEW_FOLDER{"\n"}
          lineshaft up --home NEW_FOLDER
        </pre>
      </div>
    </>
  );
}

/** The job, asked for until it has ended. */
function useRunning(job: string, onEnd: () => void): Schemas["JobView"] | undefined {
  return useQuery({
    queryKey: ["job", job],
    enabled: job !== "",
    queryFn: async () => {
      const found = await take(api.GET("/api/v1/system/jobs/{job_id}", { params: { path: { job_id: job } } }));
      if (!UNFINISHED.has(found.state)) onEnd();
      return found;
    },
    refetchInterval: (query) => (UNFINISHED.has(query.state.data?.state ?? "queued") ? 1000 : false),
  }).data;
}
