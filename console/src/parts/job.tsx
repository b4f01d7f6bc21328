/** Long work: asked for until it has ended, how far it is, what came of it, and a way to stop it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm, Progress } from "antd";
import { useEffect, useRef } from "react";
import { api, Problem, type Schemas, take } from "~/api/client";
import { useMay } from "~/app/session";
import { t } from "~/texts";
import * as format from "./format";
import { ProblemBox } from "./problem";

export type Job = Schemas["JobView"];

const LOOK_MS = 1000;
const UNFINISHED = new Set(["queued", "running"]);

export function isRunning(job: Job | undefined): boolean {
  return UNFINISHED.has(job?.state ?? "");
}

/** Why a job failed, as a refusal is told; nothing where it did not. */
export function problemOf(job: Job): Problem | undefined {
  if (!job.error) return undefined;
  const { code, message, hint } = job.error as Record<string, string | undefined>;
  return new Problem(0, code ?? "", message ?? "", hint ?? "");
}

/** The job, asked for until it has ended; `onEnd` is called once, when it is seen to have. */
export function useJob(id: string, onEnd?: () => void) {
  const job = useQuery({
    queryKey: ["job", id],
    enabled: id !== "",
    queryFn: () => take(api.GET("/api/v1/system/jobs/{job_id}", { params: { path: { job_id: id } } })),
    refetchInterval: (query) => (UNFINISHED.has(query.state.data?.state ?? "queued") ? LOOK_MS : false),
  });
  const told = useRef("");
  const ended = job.data !== undefined && !isRunning(job.data);
  useEffect(() => {
    if (!ended || told.current === id) return;
    told.current = id;
    onEnd?.();
  }, [ended, id, onEnd]);
  return job;
}

// texts: job.*
export function JobState({ job }: { job: Job }) {
  const tone = job.state === "failed" ? "bad" : job.state === "done" ? "good" : "";
  return <span className={`chip ${tone}`}>{t(`job.${job.state}`)}</span>;
}

/** How far it is: a bar where its end is known, else a count. */
export function JobProgress({ job }: { job: Job }) {
  if (!isRunning(job)) return null;
  if (!job.total) return <>{format.count(job.done)}</>;
  return <Progress percent={Math.floor((100 * job.done) / job.total)} size="small" aria-label={job.title} />;
}

export function JobCancel({ job }: { job: Job }) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();
  const cancel = useMutation({
    mutationFn: () => take(api.POST("/api/v1/system/jobs/{job_id}/cancel", { params: { path: { job_id: job.id } } })),
    onError: (problem) => message.error(problem.message),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["jobs"] }),
        client.invalidateQueries({ queryKey: ["job", job.id] }),
      ]),
  });
  if (!isRunning(job) || !may("jobs:run")) return null;
  return (
    <Popconfirm title={t("job.cancel_sure")} onConfirm={() => cancel.mutate()}>
      <Button size="small" loading={cancel.isPending}>
        {t("job.cancel")}
      </Button>
    </Popconfirm>
  );
}

/** One job in a line: its state, progress and message, why it failed, and its cancel. */
export function JobLine({ job }: { job: Job }) {
  const problem = problemOf(job);
  return (
    <div className="columns">
      <div role="status">
        <JobState job={job} /> <span>{job.message}</span>
      </div>
      <JobProgress job={job} />
      <JobCancel job={job} />
      {problem && <ProblemBox problem={problem} />}
    </div>
  );
}
