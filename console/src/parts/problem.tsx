/** What went wrong and what to do, in the server's own sentence. */

import { Alert, Button } from "antd";
import type { Problem } from "~/api/client";
import { t } from "~/texts";

export function ProblemBox({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <Alert
      type="error"
      showIcon
      title={problem.title || problem.message}
      description={
        <>
          {problem.hint && <p className="flat">{problem.hint}</p>}
          {problem.code && <code className="quiet">{problem.code}</code>}
        </>
      }
      action={
        onRetry && (
          <Button size="small" onClick={onRetry}>
            {t("problem.retry")}
          </Button>
        )
      }
    />
  );
}
