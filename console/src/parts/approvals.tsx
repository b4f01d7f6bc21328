/** Changes that wait for a second person: the list that every page shares, and the decision about one. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm } from "antd";
import { api, type Schemas, take } from "~/api/client";
import { useSession } from "~/app/session";
import { t } from "~/texts";

export type Approval = Schemas["policy_views_ApprovalView"];

const KEY = ["approvals"];
const LOOK_MS = 5000;

/** Those that are open, one's own with them. */
export function useApprovals() {
  return useQuery({
    queryKey: KEY,
    queryFn: () => take(api.GET("/api/v1/access/approvals")),
    refetchInterval: LOOK_MS,
  });
}

/** Those of somebody else that are still open. */
export function waitingFor(approvals: readonly Approval[], me: string | undefined): Approval[] {
  return approvals.filter((each) => each.state === "open" && each.principal !== me);
}

/** Yes and no; whoever asked reads that it waits. */
export function DecideChange({ approval }: { approval: Approval }) {
  const client = useQueryClient();
  const me = useSession()?.id;
  const { message } = App.useApp();
  const decide = useMutation({
    mutationFn: (yes: boolean) => {
      const params = { path: { approval: approval.id } };
      return yes
        ? take(api.POST("/api/v1/access/approvals/{approval}/approve", { params }))
        : take(api.POST("/api/v1/access/approvals/{approval}/refuse", { params }));
    },
    onSuccess: (_, yes) => message.success(t(yes ? "approval.approved" : "approval.refused")),
    onError: (problem) => message.error(problem.message),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
  if (approval.principal === me) return <span className="chip">{t("approval.yours")}</span>;
  const { name, action, resource } = approval;
  return (
    <span className="button-row">
      <Popconfirm title={t("approval.sure", { name, action, object: resource })} onConfirm={() => decide.mutate(true)}>
        <Button size="small" type="primary" disabled={decide.isPending}>
          {t("approval.approve")}
        </Button>
      </Popconfirm>
      <Popconfirm title={t("approval.refuse_sure", { name })} onConfirm={() => decide.mutate(false)}>
        <Button size="small" disabled={decide.isPending}>
          {t("approval.refuse")}
        </Button>
      </Popconfirm>
    </span>
  );
}
