/** A change that takes a second person: it is asked for once, and sent again, the same, when somebody has approved it. */

import { useQuery } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { Link } from "react-router";
import { api, Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

export const APPROVAL = "X-Approval";

/** The approval that a refusal names; empty where it is another refusal. */
export function approvalOf(problem: unknown): string {
  const asks = problem instanceof Problem && problem.status === 403 && problem.code.startsWith("access.approval");
  return asks ? String(problem.facts.approval ?? "") : "";
}

interface RefusalProps {
  problem: Problem;
  /** Send what was refused once more, with the approval. */
  onAgain: (approval: string) => void;
}

/** States in which more may come: an approval that nobody uses expires. */
const OPEN = new Set(["open", "approved"]);
const LOOK_MS = 2000;

// texts: approval_state.*
/** Why the change was not made; where it waits for a second person, how that stands. */
export function Refusal({ problem, onAgain }: RefusalProps) {
  const approval = approvalOf(problem);
  const asked = useQuery({
    queryKey: ["approvals", approval],
    queryFn: () => take(api.GET("/api/v1/access/approvals/{approval}", { params: { path: { approval } } })),
    refetchInterval: (query) => (OPEN.has(query.state.data?.state ?? "open") ? LOOK_MS : false),
    enabled: approval !== "",
  });
  if (!approval) return <ProblemBox problem={problem} />;
  if (asked.error && !asked.data) {
    return <ProblemBox problem={asked.error as unknown as Problem} onRetry={() => void asked.refetch()} />;
  }
  const state = asked.data?.state ?? "open";
  if (state === "approved") {
    return (
      <Alert
        type="info"
        showIcon
        title={t("approval_state.approved")}
        description={t("approval.again", { time: format.dateTime(asked.data?.expires) })}
        action={
          <Button type="primary" onClick={() => onAgain(approval)}>
            {t("approval.do_it")}
          </Button>
        }
      />
    );
  }
  if (state !== "open") {
    return (
      <Alert
        type="error"
        showIcon
        title={t(`approval_state.${state}`)}
        action={<Button onClick={() => onAgain("")}>{t("approval.ask_again")}</Button>}
      />
    );
  }
  return (
    <Alert
      type="warning"
      showIcon
      title={t("approval.waits")}
      description={
        <>
          <p>{t("approval.ask", { id: approval })}</p>
          {asked.data && asked.data.reasons.length > 0 && (
            <ul>
              {asked.data.reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          )}
          <Link to="/devices/@waiting">{t("waiting.title")}</Link>
        </>
      }
    />
  );
}
