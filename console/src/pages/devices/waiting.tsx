/** What waits for a second person: writes to machines, and changes that take something away from their safety. */

import { ArrowLeftOutlined } from "@ant-design/icons";
import { Skeleton } from "antd";
import { Link } from "react-router";
import type { Problem, Schemas } from "~/api/client";
import { useMay } from "~/app/session";
import { useNow } from "~/live";
import { DecideChange, useApprovals } from "~/parts/approvals";
import * as format from "~/parts/format";
import { LiveValue } from "~/parts/live";
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
  const items = waiting.data?.items ?? [];
  return (
    <Panel title={t("waiting.writes")} className="flush">
      {waiting.error && (
        <ProblemBox problem={waiting.error as unknown as Problem} onRetry={() => void waiting.refetch()} />
      )}
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

/** What bounds the value, where something does. */
function Limits({ command: { minimum, maximum, unit } }: { command: Schemas["CommandView"] }) {
  if (minimum === null && maximum === null) return null;
  return (
    <>
      {" "}
      · {t("command.limits")}: {minimum ?? "—"} … {maximum ?? "—"} {unit}
    </>
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
          → {format.value(command.value)} {command.unit}
        </b>
        {command.path && (
          <span>
            {t("command.now")}: <LiveValue path={command.path} unit={command.unit} />
            <Limits command={command} />
          </span>
        )}
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
  const waiting = useApprovals();
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
          <DecideChange approval={approval} />
        </div>
      ))}
    </Panel>
  );
}
