/** Points by a walk through what the device offers: a job with progress, which can be cancelled and outlives the page. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { Alert, Button, Form, Input, Progress } from "antd";
import { useState } from "react";
import { api, Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import type { StepProps } from "./add";
import { bodyOf, type Found, pointsOf, withSymbols } from "./draft";
import { LeftOut } from "./left";

const PAGE = 1000;
const LOOK_MS = 700;
const UNFINISHED = new Set(["queued", "running"]);

export function BrowseSource({ draft, driver, change }: StepProps) {
  const [root, setRoot] = useState("");
  const start = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/edge/browse", {
          body: {
            name: "",
            device: bodyOf(draft, driver?.usual ?? "poll", false),
            request: { root } as Schemas["BrowseRequest"],
          },
        }),
      ),
    onSuccess: ({ job }) => change({ browse: job, profile: "" }),
  });
  if (driver && !driver.browses) {
    return (
      <Nothing title={t("add.cannot_browse", { title: driver.title })}>
        <p>{t("add.cannot_browse_hint")}</p>
      </Nothing>
    );
  }
  return (
    <>
      <Form layout="vertical" onFinish={() => start.mutate()} className="inline-form">
        <Form.Item label={t("add.root")} htmlFor="browse-root" extra={t("add.root_hint")}>
          <Input
            id="browse-root"
            className="mono"
            value={root}
            onChange={(event) => setRoot(event.target.value)}
            spellCheck={false}
          />
        </Form.Item>
        <Button htmlType="submit" type="primary" loading={start.isPending}>
          {t(draft.browse ? "add.browse_again" : "add.browse")}
        </Button>
      </Form>
      {start.error && <ProblemBox problem={start.error as unknown as Problem} />}
      {draft.browse && <Walk key={draft.browse} job={draft.browse} draft={draft} change={change} />}
    </>
  );
}

function Walk({ job, draft, change }: { job: string; draft: StepProps["draft"]; change: StepProps["change"] }) {
  const state = useQuery({
    queryKey: ["job", job],
    queryFn: () => take(api.GET("/api/v1/system/jobs/{job_id}", { params: { path: { job_id: job } } })),
    refetchInterval: (query) => (UNFINISHED.has(query.state.data?.state ?? "queued") ? LOOK_MS : false),
  });
  const cancel = useMutation({
    mutationFn: () => take(api.POST("/api/v1/system/jobs/{job_id}/cancel", { params: { path: { job_id: job } } })),
    onSuccess: () => state.refetch(),
  });
  const running = UNFINISHED.has(state.data?.state ?? "");
  const found = useQuery({
    queryKey: ["found", job],
    queryFn: () => foundBy(job),
    enabled: state.data !== undefined && !running,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (state.error) return <ProblemBox problem={state.error as unknown as Problem} />;
  if (!state.data) return null;
  const { done, total, message } = state.data;
  if (running) {
    return (
      <div className="walk" role="status">
        <Progress
          percent={total ? Math.floor((100 * done) / total) : 0}
          status="active"
          aria-label={t("add.browsing")}
        />
        <p>
          {t("add.walked", { done: format.count(done), total: format.count(total ?? 0) })} {message}
        </p>
        <Button onClick={() => cancel.mutate()} loading={cancel.isPending}>
          {t("add.stop")}
        </Button>
        {cancel.error && <ProblemBox problem={cancel.error as unknown as Problem} />}
      </div>
    );
  }
  return (
    <>
      <Ended job={state.data} />
      {found.error && <ProblemBox problem={found.error as unknown as Problem} onRetry={() => void found.refetch()} />}
      {found.data && <Offer found={found.data} draft={draft} change={change} />}
    </>
  );
}

/** Why there may be less than all of it. */
function Ended({ job }: { job: Schemas["JobView"] }) {
  if (job.state === "failed") {
    const { code, message, hint } = (job.error ?? {}) as Record<string, string>;
    return <ProblemBox problem={new Problem(0, code ?? "", message ?? "", hint ?? "")} />;
  }
  if (job.state === "cancelled") return <Alert type="info" showIcon title={t("add.stopped")} />;
  const stopped = (job.result as { stopped?: string } | null)?.stopped;
  return stopped ? (
    <Alert type="warning" showIcon title={t("add.cut_short", { limit: t(`limit.${stopped}`) })} />
  ) : null;
}

interface OfferProps {
  found: Found[];
  draft: StepProps["draft"];
  change: StepProps["change"];
}

/** What was found, and how much of it is in the draft already. */
function Offer({ found, draft, change }: OfferProps) {
  const more = pointsOf(found, draft.points);
  const refused = found.filter((each) => each.refused);
  if (found.length === 0) return <Nothing title={t("add.found_nothing")} />;
  return (
    <>
      <p role="status">
        {t("add.found", { count: format.count(found.length), refused: format.count(refused.length) })}
      </p>
      {found.length > refused.length && (
        <Button
          type="primary"
          disabled={more.length === 0}
          onClick={() => change(({ points }) => ({ points: [...points, ...pointsOf(found, points)], profile: "" }))}
        >
          {more.length ? t("add.take", { count: format.count(more.length) }) : t("add.taken")}
        </Button>
      )}
      <LeftOut
        items={refused.map((each) => ({ name: (each.path ?? [each.name]).join("."), reason: each.refused ?? "" }))}
      />
    </>
  );
}

async function foundBy(job: string): Promise<Found[]> {
  const found: Found[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: PAGE, ...(cursor ? { cursor } : {}) };
    const page = await take(api.GET("/api/v1/edge/browse/{job_id}", { params: { path: { job_id: job }, query } }));
    found.push(...withSymbols(page.items, page.symbols));
    cursor = page.next ?? undefined;
  } while (cursor);
  return found;
}
