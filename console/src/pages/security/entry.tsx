/** One entry with all its facts, and the proof that it is in the signed log, worked out here. */

import { useQuery } from "@tanstack/react-query";
import { Drawer, Skeleton } from "antd";
import { Link } from "react-router";
import { api, Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { verify } from "./proof";

/** What the ledger's leaf stands for. */
interface Body {
  seq: number;
  id: string;
  time: string;
  principal: string;
  action: string;
  resource: string;
  outcome: string;
  decision: string;
  policy_version: string;
  trace_id: string;
  facts: Record<string, unknown>;
}

/** An entry usually takes about a second to its place in the ledger; a busy machine may take many. */
const AGAIN_MS = 1500;
const TRIES = 40;

export function EntryDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const proof = useQuery({
    queryKey: ["proof", id],
    queryFn: async () => {
      const view = await take(api.GET("/api/v1/access/audit/{entry}", { params: { path: { entry: id } } }));
      return { body: view.body as Body, verdict: await verify(view) };
    },
    retry: (count, problem) => count < TRIES && problem instanceof Problem && problem.status === 409,
    retryDelay: AGAIN_MS,
  });
  return (
    <Drawer open onClose={onClose} title={t("security.entry")} size={560}>
      {proof.isPending && <Skeleton active />}
      {proof.error && <ProblemBox problem={proof.error as unknown as Problem} />}
      {proof.data && (
        <>
          <Facts body={proof.data.body} />
          <Verdict verdict={proof.data.verdict} />
        </>
      )}
    </Drawer>
  );
}

function Facts({ body }: { body: Body }) {
  return (
    <dl className="facts">
      <dt>{t("security.seq")}</dt>
      <dd>{body.seq}</dd>
      <dt>{t("security.time")}</dt>
      <dd>{format.dateTime(body.time)}</dd>
      <dt>{t("security.who")}</dt>
      <dd className="mono">{body.principal}</dd>
      <dt>{t("security.action")}</dt>
      <dd>
        <code>{body.action}</code>
      </dd>
      <dt>{t("security.object")}</dt>
      <dd>{body.resource}</dd>
      <dt>{t("security.outcome")}</dt>
      <dd>{t(`outcome.${body.outcome}`)}</dd>
      <dt>{t("security.decision")}</dt>
      <dd className="mono">{body.decision || "—"}</dd>
      <dt>{t("security.trace")}</dt>
      <dd className="mono">
        {body.trace_id ? (
          <Link to={`/security?tab=audit&trace=${encodeURIComponent(body.trace_id)}`}>{body.trace_id}</Link>
        ) : (
          "—"
        )}
      </dd>
      {Object.entries(body.facts).map(([name, value]) => (
        <div key={name} className="facts-pair">
          <dt>{name}</dt>
          <dd className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Verdict({ verdict }: { verdict: Awaited<ReturnType<typeof verify>> }) {
  const { signed } = verdict;
  return (
    <>
      <h2 className="proof-title">{t("security.proof")}</h2>
      <p>
        <span className={verdict.inLog ? "chip good" : "chip bad"}>
          {t(verdict.inLog ? "security.in_log" : "security.not_in_log", { size: verdict.size })}
        </span>
      </p>
      <p>
        <span className={signed ? "chip good" : signed === false ? "chip bad" : "chip warn"}>
          {t(signed ? "security.signed" : signed === false ? "security.not_signed" : "security.unchecked")}
        </span>
      </p>
      <p className="quiet">
        {t("security.root")} <code>{verdict.root}</code>
      </p>
    </>
  );
}
