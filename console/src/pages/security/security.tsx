/** Who and what may do what, how it is kept apart, what happened, and what left. */

import { Badge } from "antd";
import { useMay, useSession } from "~/app/session";
import { useApprovals, waitingFor } from "~/parts/approvals";
import { PageHead, Panel } from "~/parts/page";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";
import { Approvals } from "./approvals";
import { Audit } from "./audit";
import { Certificates } from "./certificates";
import { Decision } from "./decision";
import { Exports } from "./exports";
import { Labels } from "./labels";
import { Policies } from "./policies";
import { Principals } from "./principals";
import { Trust } from "./trust";
import { Zones } from "./zones";
import "./security.css";

export default function Security() {
  const may = useMay();
  const projects = useSession()?.projects;
  const main = !projects || projects.includes("main");
  const tabs = [
    { key: "principals", action: "access:manage", children: <Principals /> },
    { key: "approvals", action: "access:approve", label: <ApprovalsLabel />, children: <Approvals /> },
    { key: "policies", action: "access:policy", children: <Policies /> },
    { key: "decision", action: "access:policy", children: <Decision /> },
    { key: "zones", action: "access:zones", children: <Zones /> },
    { key: "certificates", action: "access:manage", children: <Certificates /> },
    ...(main ? [{ key: "trust", action: "edge:configure", children: <Trust /> }] : []),
    { key: "audit", action: "access:audit", children: <Audit /> },
    { key: "labels", action: "access:labels", children: <Labels /> },
    { key: "exports", action: "access:trace", children: <Exports /> },
  ];
  return (
    <div className="page full">
      <PageHead title={t("security.title")} />
      <Panel className="flush grid-panel device-tabs">
        <AddressTabs
          items={tabs
            .filter((tab) => may(tab.action))
            .map(({ key, label, children }) => ({ key, children, label: label ?? t(`security.${key}`) }))}
        />
      </Panel>
    </div>
  );
}

/** The tab's name, and how many requests wait for who looks. */
function ApprovalsLabel() {
  const me = useSession()?.id;
  const approvals = useApprovals();
  return (
    <Badge size="small" offset={[10, -2]} count={waitingFor(approvals.data?.items ?? [], me).length}>
      <span className="tab-label">{t("security.approvals")}</span>
    </Badge>
  );
}
