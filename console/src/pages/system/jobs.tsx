/** Long work: how far it is, how it ended, and a way to stop it. */

import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm, Progress } from "antd";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { t } from "~/texts";

type Job = Schemas["JobView"];
const RUNNING = new Set(["queued", "running"]);

// texts: job.*
export function Jobs() {
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
