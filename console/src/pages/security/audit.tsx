/** The audit trail: found by who, what, when and how it ended; every entry with its proof. */

import { Button, Input, Select } from "antd";
import { useSearchParams } from "react-router";
import { api, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { t } from "~/texts";
import { EntryDrawer } from "./entry";

type Entry = Schemas["AuditView"];

const OUTCOMES = ["asked", "done", "refused", "denied", "locked"] as const;
const KINDS = ["sign_in", "denial", "change", "command", "export", "deletion", "alarm", "general"] as const;
const SINCE = ["-1h", "-24h", "-7d", "-30d"] as const;
const TEXTS = ["name", "action", "resource", "trace"] as const;

export function outcomeTone(outcome: string): string {
  return outcome === "done" ? "good" : outcome === "asked" ? "" : "bad";
}

const columnsOf = (open: (entry: string) => void): Column<Entry>[] => [
  {
    key: "time",
    title: t("security.time"),
    width: "190px",
    render: (row) => (
      <Button type="link" size="small" className="cell-link" onClick={() => open(row.id)}>
        {format.dateTime(row.time)}
      </Button>
    ),
  },
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
    render: (row) => <span className={`chip ${outcomeTone(row.outcome)}`}>{t(`outcome.${row.outcome}`)}</span>,
  },
  { key: "kind", title: t("security.kind"), width: "110px", render: (row) => t(`audit_kind.${row.kind}`) },
  { key: "seq", title: t("security.seq"), width: "80px", number: true, render: (row) => row.seq ?? "—" },
];

// texts: outcome.*
// texts: audit_kind.*
// texts: audit_since.*
// texts: audit_field.*
export function Audit() {
  const [params, setParams] = useSearchParams();
  const of = (name: string) => params.get(name) ?? undefined;
  const asked = {
    name: of("name"),
    action: of("action"),
    resource: of("resource"),
    trace: of("trace"),
    from: of("from"),
    outcome: of("outcome") as (typeof OUTCOMES)[number] | undefined,
    kind: of("kind") as (typeof KINDS)[number] | undefined,
  };
  const entry = of("entry");

  function change(name: string, value: string | undefined): void {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next, { replace: name !== "entry" });
  }

  return (
    <>
      <div className="toolbar">
        {TEXTS.map((name) => (
          <Input.Search
            key={`${name} ${asked[name] ?? ""}`}
            className="field"
            allowClear
            defaultValue={asked[name]}
            placeholder={t(`audit_field.${name}`)}
            aria-label={t(`audit_field.${name}`)}
            onSearch={(value) => change(name, value.trim())}
          />
        ))}
        <Select
          className="field"
          allowClear
          placeholder={t("security.outcome")}
          aria-label={t("security.outcome")}
          value={asked.outcome}
          options={OUTCOMES.map((value) => ({ value, label: t(`outcome.${value}`) }))}
          onChange={(value) => change("outcome", value)}
        />
        <Select
          className="field"
          allowClear
          placeholder={t("security.kind")}
          aria-label={t("security.kind")}
          value={asked.kind}
          options={KINDS.map((value) => ({ value, label: t(`audit_kind.${value}`) }))}
          onChange={(value) => change("kind", value)}
        />
        <Select
          className="field"
          allowClear
          placeholder={t("audit_since.all")}
          aria-label={t("audit_since.label")}
          value={asked.from}
          options={SINCE.map((value) => ({ value, label: t(`audit_since.${value.slice(1)}`) }))}
          onChange={(value) => change("from", value)}
        />
      </div>
      <Paged
        label={t("security.audit")}
        queryKey={["audit", asked]}
        columns={columnsOf((id) => change("entry", id))}
        rowKey={(row) => row.id}
        onOpen={(row) => change("entry", row.id)}
        refreshSeconds={15}
        fetch={(cursor) =>
          take(api.GET("/api/v1/access/audit", { params: { query: { ...asked, cursor, limit: 200 } } }))
        }
        empty={<Nothing title={t("security.no_audit")} />}
      />
      {entry && <EntryDrawer id={entry} onClose={() => change("entry", undefined)} />}
    </>
  );
}
