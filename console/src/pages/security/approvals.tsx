/** What waits for a second person: one's own requests, and what one may decide. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm } from "antd";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useSession } from "~/app/session";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

type Approval = Schemas["policy_views_ApprovalView"];

/** Those of somebody else that are still open. */
export function waitingFor(approvals: readonly Approval[], me: string | undefined): Approval[] {
  return approvals.filter((each) => each.state === "open" && each.principal !== me);
}

export function Approvals() {
  const client = useQueryClient();
  const me = useSession()?.id;
  const { message } = App.useApp();
  const approvals = useQuery({
    queryKey: ["approvals"],
    queryFn: () => take(api.GET("/api/v1/access/approvals")),
    refetchInterval: 5000,
  });
  const decide = useMutation({
    mutationFn: ({ approval, yes }: { approval: string; yes: boolean }) => {
      const params = { path: { approval } };
      return yes
        ? take(api.POST("/api/v1/access/approvals/{approval}/approve", { params }))
        : take(api.POST("/api/v1/access/approvals/{approval}/refuse", { params }));
    },
    onSuccess: (_, { yes }) => message.success(t(yes ? "approval.approved" : "approval.refused")),
    onError: (problem) => message.error(problem.message),
    onSettled: () => client.invalidateQueries({ queryKey: ["approvals"] }),
  });

  if (approvals.error) return <ProblemBox problem={approvals.error as unknown as Problem} />;
  const rows = approvals.data?.items ?? [];
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
    {
      key: "act",
      title: "",
      width: "190px",
      render: (row) =>
        row.principal === me ? (
          <span className="chip">{t("approval.yours")}</span>
        ) : (
          <span className="button-row">
            <Popconfirm
              title={t("approval.sure", { name: row.name, action: row.action, object: row.resource })}
              onConfirm={() => decide.mutate({ approval: row.id, yes: true })}
            >
              <Button size="small" type="primary">
                {t("approval.approve")}
              </Button>
            </Popconfirm>
            <Popconfirm
              title={t("approval.refuse_sure", { name: row.name })}
              onConfirm={() => decide.mutate({ approval: row.id, yes: false })}
            >
              <Button size="small">{t("approval.refuse")}</Button>
            </Popconfirm>
          </span>
        ),
    },
  ];
  return (
    <Grid
      label={t("security.approvals")}
      columns={columns}
      rows={rows}
      rowKey={(row) => row.id}
      empty={
        approvals.isSuccess && (
          <Nothing title={t("approval.none")}>
            <p>{t("approval.none_hint")}</p>
          </Nothing>
        )
      }
    />
  );
}
