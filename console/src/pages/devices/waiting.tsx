/** What waits for a second person: writes to machines, and changes that take something away from their safety. */

import { ArrowLeftOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm, Skeleton } from "antd";
import { Link } from "react-router";
import { api, Problem, type Schemas, take } from "~/api/client";
import { useMay, useSession } from "~/app/session";
import { useNow } from "~/live";
import * as format from "~/parts/format";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { Decide } from "./decide";
import "./devices.css";
import { useWaiting } from "./waiting_list";

export default function WaitingPage() {
  const may = useMay();
  return (
    <div className="page">
      <Link to="/devices" className="back">
        <ArrowLeftOutlined /> {t("devices.title")}
      </Link>
      <PageHead title={t("waiting.title")} sub={t("waiting.sub")} />
      <Writes />
      {may("access:approve") && <Changes />}
    </div>
  );
}

function Left({ until }: { until: string }) {
  const left = (Date.parse(until) - useNow() / 1000) / 1000;
  return <span className="number">{left > 0 ? format.age(left) : t("waiting.over")}</span>;
}

function Writes() {
  const waiting = useWaiting();
  if (waiting.error) return <ProblemBox problem={waiting.error as unknown as Problem} />;
  const items = waiting.data?.items ?? [];
  return (
    <Panel title={t("waiting.writes")} className="flush">
      {waiting.isPending && <Skeleton active className="padded" />}
      {waiting.data && items.length === 0 && (
        <Nothing title={t("waiting.none")}>
          <p>{t("waiting.none_hint")}</p>
        </Nothing>
      )}
      {items.map((command) => (
        <Write key={command.id} command={command} />
      ))}
    </Panel>
  );
}

/** One write, as whoever decides about it must see it: who wants what, where, and why. */
function Write({ command }: { command: Schemas["CommandView"] }) {
  return (
    <div className="waiting-row">
      <div className="stack">
        <b>
          <Link to={`/devices/${encodeURIComponent(command.device)}?tab=commands`}>
            {command.device}/{command.point}
          </Link>{" "}
          → {format.value(command.value)}
        </b>
        <span>{t("waiting.asked", { name: command.by, time: format.dateTime(command.created) })}</span>
        <span className="quiet">{command.reason || t("waiting.no_reason")}</span>
      </div>
      <span className="quiet">
        {t("waiting.left")} <Left until={command.expires} />
      </span>
      <Decide command={command} />
    </div>
  );
}

function Changes() {
  const session = useSession();
  const client = useQueryClient();
  const { message } = App.useApp();
  const waiting = useQuery({
    queryKey: ["approvals", "waiting"],
    queryFn: () => take(api.GET("/api/v1/access/approvals")),
    refetchInterval: 3000,
  });
  const decide = useMutation({
    mutationFn: ({ id, approve }: { id: string; approve: boolean }) => {
      const params = { params: { path: { approval: id } } };
      return approve
        ? take(api.POST("/api/v1/access/approvals/{approval}/approve", params))
        : take(api.POST("/api/v1/access/approvals/{approval}/refuse", params));
    },
    onError: (problem) => void message.error((problem as Problem).message),
    onSettled: () => client.invalidateQueries({ queryKey: ["approvals"] }),
  });
  const items = waiting.data?.items ?? [];
  return (
    <Panel title={t("waiting.changes")} className="flush">
      {waiting.error && <ProblemBox problem={waiting.error as unknown as Problem} />}
      {waiting.data && items.length === 0 && <Nothing title={t("waiting.no_changes")} />}
      {items.map((approval) => (
        <div key={approval.id} className="waiting-row">
          <div className="stack">
            <b>
              {approval.action} · {approval.resource.replace(/ #\w+$/, "")}
            </b>
            <span>{t("waiting.asked", { name: approval.name, time: format.dateTime(approval.created) })}</span>
            {approval.reasons.map((reason) => (
              <span key={reason} className="quiet">
                {reason}
              </span>
            ))}
          </div>
          <span className="quiet">
            {t("waiting.left")} <Left until={approval.expires} />
          </span>
          {approval.principal === session?.id ? (
            <span className="quiet">{t("waiting.own")}</span>
          ) : (
            <span className="button-row">
              <Popconfirm
                title={t("waiting.approve_sure", { name: approval.name })}
                onConfirm={() => decide.mutate({ id: approval.id, approve: true })}
              >
                <Button type="primary">{t("command.approve")}</Button>
              </Popconfirm>
              <Button onClick={() => decide.mutate({ id: approval.id, approve: false })}>{t("command.refuse")}</Button>
            </span>
          )}
        </div>
      ))}
    </Panel>
  );
}
