/** What waits for a second person: one's own requests, and what one may decide. */

import type { Problem } from "~/api/client";
import { type Approval, DecideChange, useApprovals } from "~/parts/approvals";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

export function Approvals() {
  const approvals = useApprovals();
  const columns: Column<Approval>[] = [
    { key: "name", title: t("security.who"), width: "minmax(120px, 1fr)", render: (row) => <b>{row.name}</b> },
    {
      key: "action",
      title: t("security.action"),
      width: "minmax(170px, 1fr)",
      render: (row) => <code>{row.action}</code>,
    },
    {
      key: "resource",
      title: t("security.object"),
      width: "minmax(200px, 2fr)",
      render: (row) => <span title={row.resource}>{row.resource}</span>,
    },
    {
      key: "reasons",
      title: t("approval.why"),
      width: "minmax(160px, 1.4fr)",
      render: (row) => <span title={row.reasons.join("\n")}>{row.reasons.join(" · ") || "—"}</span>,
    },
    { key: "role", title: t("approval.needs"), width: "120px", render: (row) => t(`role.${row.role}`) },
    { key: "expires", title: t("approval.expires"), width: "180px", render: (row) => format.dateTime(row.expires) },
    { key: "act", title: "", width: "190px", render: (row) => <DecideChange approval={row} /> },
  ];
  return (
    <>
      {approvals.error && (
        <ProblemBox problem={approvals.error as unknown as Problem} onRetry={() => void approvals.refetch()} />
      )}
      {approvals.data && (
        <Grid
          label={t("security.approvals")}
          columns={columns}
          rows={approvals.data.items}
          rowKey={(row) => row.id}
          empty={
            <Nothing title={t("approval.none")}>
              <p>{t("approval.none_hint")}</p>
            </Nothing>
          }
        />
      )}
    </>
  );
}
