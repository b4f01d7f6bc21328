/** A change that takes a second person: it is asked for once, and sent again, the same, when somebody has approved it. */

import { useQuery } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { Link } from "react-router";
import { api, Problem, take } from "~/api/client";
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

/** Why the change was not made; where it waits for a second person, how that stands. */
export function Refusal({ problem, onAgain }: RefusalProps) {
  const approval = approvalOf(problem);
  const waiting = useQuery({
    queryKey: ["approvals", "waiting"],
    queryFn: () => take(api.GET("/api/v1/access/approvals")),
    refetchInterval: 2000,
    staleTime: 0,
    enabled: approval !== "",
  });
  if (!approval) return <ProblemBox problem={problem} />;
  const open = waiting.data?.items.find((each) => each.id === approval);
  // A list from before the refusal cannot know of it yet.
  const decided = waiting.isFetchedAfterMount && waiting.data !== undefined && !open;
  if (decided) {
    return (
      <Alert
        type="info"
        showIcon
        title={t("approval.decided")}
        description={t("approval.again")}
        action={
          <Button type="primary" onClick={() => onAgain(approval)}>
            {t("approval.do_it")}
          </Button>
        }
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
          {open && open.reasons.length > 0 && (
            <ul>
              {open.reasons.map((reason) => (
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
