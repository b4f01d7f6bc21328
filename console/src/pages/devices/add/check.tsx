/** Last step: what would be made of it, by the server's own checks; then it is made. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Skeleton } from "antd";
import { useMemo } from "react";
import { useNavigate } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { APPROVAL, Refusal } from "../approval";
import type { Step, StepProps } from "./add";
import { bodyOf, forgetDraft } from "./draft";

type Rehearsal = Schemas["Rehearsal"];

export function CheckStep({ draft, driver, go }: StepProps) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const body = useMemo(() => bodyOf(draft, driver?.usual ?? "poll", true), [draft, driver]);
  const rehearsal = useQuery({
    queryKey: ["rehearsal", body],
    queryFn: () => take(api.POST("/api/v1/edge/rehearse", { body })),
    gcTime: 0,
    enabled: draft.profile !== "" || driver !== undefined,
  });
  const add = useMutation({
    mutationFn: (approval: string) =>
      take(api.POST("/api/v1/edge/devices", { body, headers: approval ? { [APPROVAL]: approval } : {} })),
    onSuccess: async () => {
      forgetDraft();
      await client.invalidateQueries({ queryKey: ["devices"] });
      await navigate(`/devices/${encodeURIComponent(draft.name)}`, { replace: true });
    },
  });
  const said = rehearsal.data;
  return (
    <Panel className="flush grid-panel step">
      <div className="padded">
        {rehearsal.error && (
          <ProblemBox problem={rehearsal.error as unknown as Problem} onRetry={() => void rehearsal.refetch()} />
        )}
        {!said && !rehearsal.error && <Skeleton active paragraph={{ rows: 2 }} />}
        {said && <Summary said={said} draft={draft} />}
        {add.error && <Refusal problem={add.error as unknown as Problem} onAgain={add.mutate} />}
      </div>
      {said && said.refusals.length > 0 && <Refusals refusals={said.refusals} go={go} />}
      {said && said.refusals.length === 0 && (
        <Grid
          label={t("add.tags")}
          columns={tagColumns()}
          rows={said.tags}
          rowKey={(tag) => tag.path}
          empty={
            <Nothing title={t("add.no_points")}>
              <p>{t("add.no_points_hint")}</p>
            </Nothing>
          }
        />
      )}
      <div className="step-foot">
        <Button onClick={() => go(draft.profile ? "points" : "map")}>{t("add.back")}</Button>
        <Button
          type="primary"
          disabled={!said || said.refusals.length > 0}
          loading={add.isPending}
          onClick={() => add.mutate("")}
        >
          {t("add.commit")}
        </Button>
      </div>
    </Panel>
  );
}

function Summary({ said, draft }: { said: Rehearsal; draft: StepProps["draft"] }) {
  if (said.refusals.length > 0) {
    const first = said.refusals[0] as Rehearsal["refusals"][number];
    return (
      <Alert
        type="error"
        showIcon
        title={t("add.refused", { count: format.count(said.refusals.length) })}
        description={
          <>
            {said.refusals.length === 1 && !first.rule && <p className="flat">{first.title}</p>}
            <p className="flat">{first.hint}</p>
            <code className="quiet">{first.code}</code>
          </>
        }
      />
    );
  }
  const known = said.tags.filter((tag) => tag.known).length;
  return (
    <>
      <Alert
        type="success"
        showIcon
        title={t("add.would_add", {
          name: draft.name,
          gateway: draft.gateway,
          count: format.count(said.tags.length),
        })}
        description={known > 0 ? t("add.tags_known", { count: format.count(known) }) : t("add.tags_new")}
      />
      {said.second_person.length > 0 && (
        <Alert
          type="warning"
          showIcon
          title={t("add.second_person")}
          description={
            <ul>
              {said.second_person.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          }
        />
      )}
    </>
  );
}

/** The step on which a field is. */
function stepOf(field: string): Step {
  if (field.startsWith("points") || field.startsWith("groups")) return "map";
  return field === "profile" ? "points" : "connect";
}

function Refusals({ refusals, go }: { refusals: Rehearsal["refusals"]; go: StepProps["go"] }) {
  return (
    <div className="table-scroll refusals">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("add.field")}</th>
            <th>{t("device.value")}</th>
            <th>{t("add.rule")}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {refusals.map((refusal, index) => (
            <tr key={`${index} ${refusal.field}`}>
              <td>
                <code>{refusal.field || "—"}</code>
              </td>
              <td>{refusal.value || "—"}</td>
              <td>{refusal.rule || refusal.title}</td>
              <td>
                <Button size="small" onClick={() => go(stepOf(refusal.field))}>
                  {t("add.correct")}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function tagColumns(): Column<Rehearsal["tags"][number]>[] {
  return [
    { key: "path", title: t("add.tag"), width: "minmax(260px, 3fr)", render: (tag) => tag.path },
    { key: "unit", title: t("add.unit"), width: "100px", render: (tag) => tag.unit || "—" },
    {
      key: "known",
      title: t("devices.state"),
      width: "minmax(160px, 1fr)",
      render: (tag) => <span className="chip">{t(tag.known ? "add.tag_known" : "add.tag_new")}</span>,
    },
  ];
}
