/** Long work: how far it is, how it ended, and a way to stop it. */

import { Button, Drawer, Skeleton } from "antd";
import { useSearchParams } from "react-router";
import { api, type Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { isRunning, type Job, JobCancel, JobLine, JobProgress, JobState, useJob } from "~/parts/job";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

function columnsOf(open: (job: Job) => void): Column<Job>[] {
  return [
    {
      key: "title",
      title: t("system.job"),
      width: "minmax(220px, 2fr)",
      render: (job) => (
        <Button type="link" size="small" className="cell-link" onClick={() => open(job)}>
          {job.title}
        </Button>
      ),
    },
    { key: "state", title: t("system.state"), width: "130px", render: (job) => <JobState job={job} /> },
    {
      key: "progress",
      title: t("system.progress"),
      width: "minmax(160px, 1fr)",
      render: (job) => <JobProgress job={job} />,
    },
    {
      key: "message",
      title: t("system.message"),
      width: "minmax(180px, 2fr)",
      render: (job) => {
        const said = String(job.error?.message ?? job.message);
        return <span title={[said, job.error?.hint].filter(Boolean).join("\n")}>{said}</span>;
      },
    },
    { key: "created", title: t("system.begun"), width: "180px", render: (job) => format.dateTime(job.created) },
    { key: "cancel", title: "", width: "120px", render: (job) => <JobCancel job={job} /> },
  ];
}

export function Jobs() {
  const [params, setParams] = useSearchParams();
  const shown = params.get("job");
  const open = (job: Job) => setParams({ tab: "jobs", job: job.id });
  return (
    <>
      <Paged
        label={t("system.jobs")}
        queryKey={["jobs"]}
        columns={columnsOf(open)}
        rowKey={(job) => job.id}
        refreshSeconds={2}
        onOpen={open}
        fetch={(cursor) => take(api.GET("/api/v1/system/jobs", { params: { query: { cursor, limit: 100 } } }))}
        empty={
          <Nothing title={t("system.no_jobs")}>
            <p>{t("system.no_jobs_hint")}</p>
          </Nothing>
        }
      />
      {shown && <Details id={shown} onClose={() => setParams({ tab: "jobs" })} />}
    </>
  );
}

/** One job with everything that is known of it, kept up to date while it runs. */
function Details({ id, onClose }: { id: string; onClose: () => void }) {
  const found = useJob(id);
  const job = found.data;
  return (
    <Drawer open onClose={onClose} title={job?.title ?? t("system.job")} size={560}>
      {found.isPending && <Skeleton active />}
      {found.error && <ProblemBox problem={found.error as unknown as Problem} onRetry={() => void found.refetch()} />}
      {job && (
        <>
          <JobLine job={job} />
          <dl className="facts">
            <dt>{t("system.job_kind")}</dt>
            <dd className="mono">{job.kind}</dd>
            <dt>{t("system.begun")}</dt>
            <dd>{format.dateTime(job.created)}</dd>
            <dt>{t(isRunning(job) ? "system.job_seen" : "system.job_ended")}</dt>
            <dd>{format.dateTime(job.updated)}</dd>
          </dl>
          <Result result={job.result} />
        </>
      )}
    </Drawer>
  );
}

/** What came of it, as the job itself names it. */
function Result({ result }: { result: unknown }) {
  if (typeof result !== "object" || result === null) return null;
  return (
    <>
      <h3>{t("system.job_result")}</h3>
      <dl className="facts">
        {Object.entries(result).map(([name, value]) => (
          <div key={name} className="facts-pair">
            <dt className="mono">{name}</dt>
            <dd className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
