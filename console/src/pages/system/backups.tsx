/** Backups: made as a job, listed, removed; restoring makes a new installation, so the page says how and does not do it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm } from "antd";
import { useCallback, useState } from "react";
import { Link } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { isRunning, JobLine, useJob } from "~/parts/job";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

type Backup = Schemas["Backup"];
const KEY = ["backups"];

export function Backups() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [job, setJob] = useState("");
  const backups = useQuery({ queryKey: KEY, queryFn: () => take(api.GET("/api/v1/system/backups")) });
  const listAnew = useCallback(() => void client.invalidateQueries({ queryKey: KEY }), [client]);
  const running = useJob(job, listAnew).data;
  const make = useMutation({
    mutationFn: () => take(api.POST("/api/v1/system/backups")),
    onSuccess: (begun) => setJob(begun.job),
    onError: (problem) => message.error(problem.message),
  });
  const remove = useMutation({
    mutationFn: (name: string) => take(api.DELETE("/api/v1/system/backups/{name}", { params: { path: { name } } })),
    onError: (problem) => message.error(problem.message),
    onSettled: listAnew,
  });

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
        <Popconfirm title={t("system.remove_sure", { name: row.name })} onConfirm={() => remove.mutate(row.name)}>
          <Button size="small" loading={remove.isPending && remove.variables === row.name}>
            {t("system.remove")}
          </Button>
        </Popconfirm>
      ),
    },
  ];
  const begin = (
    <Button type="primary" loading={make.isPending || isRunning(running)} onClick={() => make.mutate()}>
      {t("system.back_up")}
    </Button>
  );
  return (
    <>
      <div className="toolbar">
        {begin}
        <span className="quiet">{t("system.backup_hint")}</span>
      </div>
      {running && (
        <div className="padded">
          <JobLine job={running} />
          <Link to={`?tab=jobs&job=${running.id}`}>{t("system.to_job")}</Link>
        </div>
      )}
      {backups.error && (
        <ProblemBox problem={backups.error as unknown as Problem} onRetry={() => void backups.refetch()} />
      )}
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
