/** Who and what may do what, how it is kept apart, what happened, and what left. */

import { useQuery } from "@tanstack/react-query";
import { Drawer, Input, Select } from "antd";
import { useMemo, useState } from "react";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { ProblemBox } from "~/parts/problem";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";
import { verify } from "./proof";
import { Zones } from "./zones";

export default function Security() {
  const may = useMay();
  const tabs = [
    { key: "principals", action: "access:manage", children: <Principals /> },
    { key: "certificates", action: "access:manage", children: <Certificates /> },
    { key: "policies", action: "access:policy", children: <Policies /> },
    { key: "zones", action: "access:zones", children: <Zones /> },
    { key: "audit", action: "access:audit", children: <Audit /> },
    { key: "labels", action: "access:labels", children: <Labels /> },
    { key: "exports", action: "access:trace", children: <Exports /> },
  ];
  return (
    <div className="page full">
      <PageHead title={t("security.title")} />
      <Panel className="flush grid-panel device-tabs">
        <AddressTabs
          items={tabs.filter((tab) => may(tab.action)).map((tab) => ({ ...tab, label: t(`security.${tab.key}`) }))}
        />
      </Panel>
    </div>
  );
}

type Principal = Schemas["PrincipalView"];

// texts: kind.*
function Principals() {
  const columns: Column<Principal>[] = [
    { key: "name", title: t("security.name"), width: "minmax(160px, 1fr)", render: (row) => <b>{row.name}</b> },
    { key: "kind", title: t("security.kind"), width: "110px", render: (row) => t(`kind.${row.kind}`) },
    {
      key: "roles",
      title: t("security.roles"),
      width: "minmax(160px, 1fr)",
      render: (row) => row.roles.map((role) => t(`role.${role}`)).join(", "),
    },
    {
      key: "projects",
      title: t("security.projects"),
      width: "minmax(120px, 1fr)",
      render: (row) => row.projects?.join(", ") ?? t("security.all"),
    },
    { key: "zone", title: t("security.zone"), width: "110px", render: (row) => row.zone || "—" },
    { key: "clearance", title: t("security.clearance"), width: "110px", number: true, render: (row) => row.clearance },
    {
      key: "state",
      title: t("security.state"),
      width: "120px",
      render: (row) => (
        <span className={row.revoked ? "chip bad" : "chip good"}>
          {t(row.revoked ? "security.revoked" : "security.active")}
        </span>
      ),
    },
    { key: "id", title: t("security.handle"), width: "minmax(320px, 1.4fr)", render: (row) => <code>{row.id}</code> },
  ];
  return (
    <Paged
      label={t("security.principals")}
      queryKey={["principals"]}
      columns={columns}
      rowKey={(row) => row.id}
      fetch={(cursor) => take(api.GET("/api/v1/access/principals", { params: { query: { cursor, limit: 200 } } }))}
    />
  );
}

type Certificate = Schemas["CertificateView"];
const SOON_MS = 14 * 86_400_000;

function Certificates() {
  const tone = (row: Certificate) =>
    row.revoked || Date.parse(row.not_after) < Date.now()
      ? "bad"
      : Date.parse(row.not_after) < Date.now() + SOON_MS
        ? "warn"
        : "good";
  const columns: Column<Certificate>[] = [
    { key: "name", title: t("security.name"), width: "minmax(140px, 1fr)", render: (row) => <b>{row.name ?? "—"}</b> },
    { key: "profile", title: t("security.profile"), width: "120px", render: (row) => row.profile },
    { key: "suite", title: t("security.suite"), width: "90px", render: (row) => row.suite },
    {
      key: "until",
      title: t("security.until"),
      width: "190px",
      render: (row) => <span className={`chip ${tone(row)}`}>{format.dateTime(row.not_after)}</span>,
    },
    {
      key: "revoked",
      title: t("security.revoked"),
      width: "minmax(140px, 1fr)",
      render: (row) => (row.revoked ? `${format.dateTime(row.revoked)} ${row.reason}` : "—"),
    },
    {
      key: "fingerprint",
      title: t("security.fingerprint"),
      width: "minmax(480px, 2fr)",
      render: (row) => <code>{row.fingerprint}</code>,
    },
  ];
  return (
    <Paged
      label={t("security.certificates")}
      queryKey={["certificates"]}
      columns={columns}
      rowKey={(row) => row.fingerprint}
      fetch={(cursor) => take(api.GET("/api/v1/access/certificates", { params: { query: { cursor, limit: 200 } } }))}
    />
  );
}

function Policies() {
  const policies = useQuery({ queryKey: ["policies"], queryFn: () => take(api.GET("/api/v1/access/policies")) });
  const [chosen, setChosen] = useState("");
  const [draft, setDraft] = useState<string>();
  const [verdict, setVerdict] = useState<{ good: boolean; text: string }>();
  const items = policies.data?.items ?? [];
  const policy = items.find((each) => each.name === chosen) ?? items[0];

  async function check(): Promise<void> {
    if (!policy) return;
    try {
      await take(
        api.POST("/api/v1/access/policies:check", { body: { name: policy.name, text: draft ?? policy.text } }),
      );
      setVerdict({ good: true, text: t("security.policy_good") });
    } catch (problem) {
      setVerdict({ good: false, text: (problem as Problem).message });
    }
  }

  if (policies.error) return <ProblemBox problem={policies.error as unknown as Problem} />;
  return (
    <div className="padded policy">
      <div className="toolbar flat-bar">
        <Select
          className="wide-field"
          value={policy?.name}
          aria-label={t("security.policies")}
          options={items.map((each) => ({ value: each.name, label: `${each.name} (${each.origin})` }))}
          onChange={(name) => {
            setChosen(name);
            setDraft(undefined);
            setVerdict(undefined);
          }}
        />
        <button type="button" className="chip" onClick={() => void check()}>
          {t("security.policy_check")}
        </button>
        {verdict && (
          <span className={verdict.good ? "chip good" : "notice warn"} role="status">
            {verdict.text}
          </span>
        )}
      </div>
      <Input.TextArea
        className="mono policy-text"
        value={draft ?? policy?.text ?? ""}
        spellCheck={false}
        aria-label={t("security.policy_text")}
        onChange={(event) => {
          setDraft(event.target.value);
          setVerdict(undefined);
        }}
      />
      <p className="quiet">
        {t("security.policy_hint")} <code>lineshaft policy apply</code>
      </p>
    </div>
  );
}

type Entry = Schemas["AuditView"];
const OUTCOMES = ["asked", "done", "refused", "denied", "locked"] as const;
const KINDS = ["sign_in", "denial", "change", "command", "export", "deletion", "alarm", "general"] as const;

// texts: outcome.*
// texts: audit_kind.*
function Audit() {
  const [asked, setAsked] = useState<{
    name?: string;
    action?: string;
    outcome?: (typeof OUTCOMES)[number];
    kind?: (typeof KINDS)[number];
  }>({});
  const [open, setOpen] = useState<Entry>();
  const columns: Column<Entry>[] = useMemo(
    () => [
      { key: "time", title: t("security.time"), width: "180px", render: (row) => format.dateTime(row.time) },
      { key: "name", title: t("security.who"), width: "minmax(120px, 1fr)", render: (row) => row.name || "—" },
      {
        key: "action",
        title: t("security.action"),
        width: "minmax(160px, 1fr)",
        render: (row) => <code>{row.action}</code>,
      },
      {
        key: "resource",
        title: t("security.object"),
        width: "minmax(220px, 2fr)",
        render: (row) => <span title={row.resource}>{row.resource}</span>,
      },
      {
        key: "outcome",
        title: t("security.outcome"),
        width: "110px",
        render: (row) => (
          <span className={`chip ${row.outcome === "done" ? "good" : row.outcome === "asked" ? "" : "bad"}`}>
            {t(`outcome.${row.outcome}`)}
          </span>
        ),
      },
      { key: "kind", title: t("security.kind"), width: "110px", render: (row) => t(`audit_kind.${row.kind}`) },
      { key: "seq", title: t("security.seq"), width: "80px", number: true, render: (row) => row.seq ?? "—" },
    ],
    [],
  );
  return (
    <>
      <div className="toolbar">
        <Input.Search
          className="field"
          allowClear
          placeholder={t("security.who")}
          aria-label={t("security.who")}
          onSearch={(name) => setAsked({ ...asked, name: name || undefined })}
        />
        <Input.Search
          className="field"
          allowClear
          placeholder={t("security.action")}
          aria-label={t("security.action")}
          onSearch={(action) => setAsked({ ...asked, action: action || undefined })}
        />
        <Select
          className="field"
          allowClear
          placeholder={t("security.outcome")}
          aria-label={t("security.outcome")}
          value={asked.outcome}
          options={OUTCOMES.map((value) => ({ value, label: t(`outcome.${value}`) }))}
          onChange={(outcome) => setAsked({ ...asked, outcome })}
        />
        <Select
          className="field"
          allowClear
          placeholder={t("security.kind")}
          aria-label={t("security.kind")}
          value={asked.kind}
          options={KINDS.map((value) => ({ value, label: t(`audit_kind.${value}`) }))}
          onChange={(kind) => setAsked({ ...asked, kind })}
        />
      </div>
      <Paged
        label={t("security.audit")}
        queryKey={["audit", asked]}
        columns={columns}
        rowKey={(row) => row.id}
        onOpen={setOpen}
        refreshSeconds={15}
        fetch={(cursor) =>
          take(api.GET("/api/v1/access/audit", { params: { query: { ...asked, cursor, limit: 200 } } }))
        }
        empty={<Nothing title={t("security.no_audit")} />}
      />
      {open && <EntryDrawer entry={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** One entry with all its facts, and the proof that it is in the signed log, checked here. */
function EntryDrawer({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const proof = useQuery({
    queryKey: ["proof", entry.id],
    queryFn: async () =>
      verify(await take(api.GET("/api/v1/access/audit/{entry}", { params: { path: { entry: entry.id } } }))),
    retry: false,
  });
  return (
    <Drawer open onClose={onClose} title={t("security.entry")} size={560}>
      <dl className="facts">
        <dt>{t("security.time")}</dt>
        <dd>{format.dateTime(entry.time)}</dd>
        <dt>{t("security.who")}</dt>
        <dd>
          {entry.name} <code>{entry.principal}</code>
        </dd>
        <dt>{t("security.action")}</dt>
        <dd>
          <code>{entry.action}</code>
        </dd>
        <dt>{t("security.object")}</dt>
        <dd>{entry.resource}</dd>
        <dt>{t("security.outcome")}</dt>
        <dd>{t(`outcome.${entry.outcome}`)}</dd>
        <dt>{t("security.decision")}</dt>
        <dd className="mono">{entry.decision || "—"}</dd>
        <dt>{t("security.trace")}</dt>
        <dd className="mono">{entry.trace_id || "—"}</dd>
        {Object.entries(entry.facts).map(([name, value]) => (
          <div key={name} className="facts-pair">
            <dt>{name}</dt>
            <dd className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
      <h2 className="proof-title">{t("security.proof")}</h2>
      {proof.error && <ProblemBox problem={proof.error as unknown as Problem} />}
      {proof.data && (
        <>
          <p>
            <span className={proof.data.inLog ? "chip good" : "chip bad"}>
              {t(proof.data.inLog ? "security.in_log" : "security.not_in_log", { size: proof.data.size })}
            </span>
          </p>
          <p>
            <span className={proof.data.signed ? "chip good" : proof.data.signed === false ? "chip bad" : "chip warn"}>
              {t(
                proof.data.signed
                  ? "security.signed"
                  : proof.data.signed === false
                    ? "security.not_signed"
                    : "security.unchecked",
              )}
            </span>
          </p>
          <p className="quiet">
            {t("security.root")} <code>{proof.data.root}</code>
          </p>
        </>
      )}
    </Drawer>
  );
}

type Label = Schemas["LabelView"];

// texts: label_state.*
function Labels() {
  const columns: Column<Label>[] = [
    { key: "object", title: t("security.object"), width: "minmax(280px, 2fr)", render: (row) => row.object },
    { key: "domain", title: t("security.domain"), width: "130px", render: (row) => row.label.domain },
    {
      key: "grade",
      title: t("security.grade"),
      width: "150px",
      render: (row) => `${row.label.grade_2020} · ${row.label.grade_2022}`,
    },
    { key: "owner", title: t("security.owner"), width: "130px", render: (row) => row.label.owner },
    { key: "export", title: t("security.export_rule"), width: "130px", render: (row) => row.label.export },
    { key: "state", title: t("security.state"), width: "120px", render: (row) => t(`label_state.${row.state}`) },
    { key: "reason", title: t("security.reason"), width: "minmax(200px, 1.4fr)", render: (row) => row.reason },
  ];
  return (
    <Paged
      label={t("security.labels")}
      queryKey={["labels"]}
      columns={columns}
      rowKey={(row) => `${row.kind} ${row.object} ${row.version}`}
      fetch={(cursor) => take(api.GET("/api/v1/access/labels", { params: { query: { cursor, limit: 200 } } }))}
      empty={
        <Nothing title={t("security.no_labels")}>
          <p>{t("security.no_labels_hint")}</p>
        </Nothing>
      }
    />
  );
}

type Export = Schemas["ExportView"];

function Exports() {
  const columns: Column<Export>[] = [
    { key: "time", title: t("security.time"), width: "180px", render: (row) => format.dateTime(row.time) },
    {
      key: "recipient",
      title: t("security.recipient"),
      width: "minmax(120px, 1fr)",
      render: (row) => (
        <>
          {row.recipient} {row.outside && <span className="chip warn">{t("security.outside")}</span>}
        </>
      ),
    },
    {
      key: "what",
      title: t("security.object"),
      width: "minmax(280px, 2fr)",
      render: (row) => <span title={row.what}>{row.what}</span>,
    },
    { key: "rows", title: t("security.rows"), width: "110px", number: true, render: (row) => format.count(row.rows) },
    {
      key: "grade",
      title: t("security.grade"),
      width: "150px",
      render: (row) => `${row.grade_2020} · ${row.grade_2022}`,
    },
    { key: "purpose", title: t("security.purpose"), width: "130px", render: (row) => row.purpose },
    {
      key: "whole",
      title: t("security.state"),
      width: "120px",
      render: (row) => t(row.whole ? "security.whole" : "security.broken_off"),
    },
  ];
  return (
    <Paged
      label={t("security.exports")}
      queryKey={["exports"]}
      columns={columns}
      rowKey={(row) => row.id}
      fetch={(cursor) => take(api.GET("/api/v1/access/labels/exports", { params: { query: { cursor, limit: 200 } } }))}
      empty={<Nothing title={t("security.no_exports")} />}
    />
  );
}
