/** The texts in force, and an editor for one's own: check, try, compare, then put into force with a reason. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Input, Popconfirm, Select } from "antd";
import { useMemo, useState } from "react";
import { type Location, useSearchParams } from "react-router";
import { api, Problem, type Schemas, take } from "~/api/client";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
import { useUnsaved } from "~/parts/unsaved";
import { t } from "~/texts";
import { Comparison } from "./comparison";
import { Editor, type Fault } from "./editor";
import { ForceDialogue } from "./force";
import { Trials } from "./trials";

type Policy = Schemas["PolicyView"];

const VIEWS = ["text", "difference", "tests"] as const;
type View = (typeof VIEWS)[number];

/** What a new text begins with: a policy to take the comment marks off. */
const TEMPLATE = [
  "// forbid (",
  "//   principal,",
  '//   action == Action::"demo:control",',
  "//   resource",
  "// )",
  '// unless { principal in Group::"engineer" };',
  "",
].join("\n");

/** Where a text is wrong, as its refusal says. */
function faultOf(problem: unknown): Fault | undefined {
  if (!(problem instanceof Problem)) return undefined;
  const { line, column } = problem.facts;
  return typeof line === "number" && typeof column === "number" ? { line, column } : undefined;
}

/** To another page, tab or policy; not to another view of the same one. */
function leaves(from: Location, to: Location): boolean {
  const before = new URLSearchParams(from.search);
  const after = new URLSearchParams(to.search);
  return from.pathname !== to.pathname || ["tab", "policy"].some((name) => before.get(name) !== after.get(name));
}

// texts: policy_origin.*
export function Policies() {
  const [params, setParams] = useSearchParams();
  const policies = useQuery({ queryKey: ["policies"], queryFn: () => take(api.GET("/api/v1/access/policies")) });
  const items = policies.data?.items ?? [];
  const named = params.get("policy") ?? "";
  const made = named !== "" && policies.isSuccess && !items.some((each) => each.name === named);
  const policy = items.find((each) => each.name === named) ?? (made ? undefined : items[0]);

  const problem = policies.error && (
    <ProblemBox problem={policies.error as unknown as Problem} onRetry={() => void policies.refetch()} />
  );
  if (!policies.data) return problem;
  const choose = (name: string) => setParams({ tab: "policies", policy: name });
  return (
    <div className="padded policy">
      {problem}
      <div className="toolbar flat-bar">
        <Select
          className="wide-field"
          value={policy?.name ?? named}
          aria-label={t("security.policies")}
          options={[
            ...items.map((each) => ({
              value: each.name,
              label: `${each.name} · ${t(`policy_origin.${each.origin}`)}`,
            })),
            ...(made ? [{ value: named, label: `${named} · ${t("policy.new")}` }] : []),
          ]}
          onChange={choose}
        />
        <NewPolicy taken={items.map((each) => each.name)} onMade={choose} />
        {policy?.origin === "uploaded" && (
          <span className="quiet">
            {t("policy.since", { version: policy.version, time: format.dateTime(policy.created) })}
          </span>
        )}
      </div>
      <Draft key={policy?.name ?? named} effective={policy} name={policy?.name ?? named} />
    </div>
  );
}

function NewPolicy({ taken, onMade }: { taken: string[]; onMade: (name: string) => void }) {
  const [name, setName] = useState<string>();
  if (name === undefined) return <Button onClick={() => setName("")}>{t("policy.make")}</Button>;
  const good = /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name) && !taken.includes(name);
  return (
    <Input.Search
      className="field"
      autoFocus
      value={name}
      status={name && !good ? "error" : undefined}
      placeholder={t("policy.name")}
      aria-label={t("policy.name")}
      enterButton={t("policy.begin")}
      onChange={(event) => setName(event.target.value.trim())}
      onSearch={() => {
        if (!good) return;
        onMade(name);
        setName(undefined);
      }}
      onKeyDown={(event) => event.key === "Escape" && setName(undefined)}
    />
  );
}

/** The text as somebody changes it, and the policy that it began from. */
function useDraft(effective: Policy | undefined) {
  const [base, setBase] = useState(effective);
  const [text, setText] = useState(effective ? effective.text : TEMPLATE);
  const present = base?.text ?? "";
  const overtaken = effective?.version !== base?.version;
  function load(): void {
    setBase(effective);
    setText(effective ? effective.text : TEMPLATE);
  }
  // What nobody changed here follows what is in force; so does what was just put into force.
  if (overtaken && (text === present || text === effective?.text)) load();
  return {
    base,
    present,
    text,
    setText,
    /** Somebody else put another text into force, or took it out, since this one was begun. */
    overtaken,
    load,
    /** Keep one's own text, from now on as a change of what is in force. */
    keep: () => setBase(effective),
  };
}

interface DraftProps {
  effective: Policy | undefined;
  name: string;
}

function Draft({ effective, name }: DraftProps) {
  const [params, setParams] = useSearchParams();
  const { base, present, text, setText, overtaken, load, keep } = useDraft(effective);
  const view = VIEWS.find((each) => each === params.get("view")) ?? "text";
  const [forcing, setForcing] = useState(false);
  const own = !base || base.origin === "uploaded";
  const changed = text !== present;
  useUnsaved(changed && text !== TEMPLATE, leaves);
  const show = (next: View) =>
    setParams(
      (before) => {
        before.set("view", next);
        return before;
      },
      { replace: true },
    );
  const check = useMutation({
    mutationFn: () => take(api.POST("/api/v1/access/policies:check", { body: { name, text } })),
    onError: () => show("text"),
  });
  const fault = useMemo(() => faultOf(check.error), [check.error]);
  return (
    <>
      <div className="toolbar flat-bar">
        <Choice
          label={t("policy.view")}
          value={view}
          options={VIEWS.map((value) => ({ value, label: t(`policy.${value}`) }))}
          onChange={show}
        />
        <span className="grow" />
        {changed && own && <span className="chip warn">{t("policy.unsaved")}</span>}
        <Button onClick={() => check.mutate()} loading={check.isPending}>
          {t("security.policy_check")}
        </Button>
        {own && (
          <Button type="primary" disabled={!changed || overtaken} onClick={() => setForcing(true)}>
            {t("policy.force")}
          </Button>
        )}
        {base?.origin === "uploaded" && <Withdraw name={name} />}
      </div>
      {overtaken && <Overtaken name={name} onLoad={load} onKeep={keep} />}
      <div role="status">
        {check.data && !check.isPending && (
          <Alert
            type="success"
            showIcon
            title={t("security.policy_good")}
            description={t("policy.ids", { ids: check.data.policies.join(", ") || "—" })}
          />
        )}
        {check.error && <ProblemBox problem={check.error as unknown as Problem} />}
      </div>
      {view === "text" && (
        <Editor
          value={text}
          label={t("security.policy_text")}
          readOnly={!own}
          fault={fault}
          onChange={(next) => {
            setText(next);
            check.reset();
          }}
        />
      )}
      {view === "difference" && <Comparison name={name} before={present} text={text} />}
      {view === "tests" && <Trials name={name} text={own ? text : undefined} />}
      {!own && <p className="quiet flat">{t("policy.read_only")}</p>}
      {forcing && <ForceDialogue policy={base} name={name} text={text} onClose={() => setForcing(false)} />}
    </>
  );
}

/** Somebody else was quicker: nothing of either text is lost unseen. */
function Overtaken({ name, onLoad, onKeep }: { name: string; onLoad: () => void; onKeep: () => void }) {
  return (
    <Alert
      type="warning"
      showIcon
      title={t("policy.overtaken", { name })}
      description={
        <>
          <p className="flat">{t("policy.overtaken_hint")}</p>
          <span className="button-row wrap">
            <Popconfirm title={t("policy.load_sure")} onConfirm={onLoad}>
              <Button size="small">{t("policy.load")}</Button>
            </Popconfirm>
            <Button size="small" onClick={onKeep}>
              {t("policy.keep")}
            </Button>
          </span>
        </>
      }
    />
  );
}

function Withdraw({ name }: { name: string }) {
  const client = useQueryClient();
  const [, setParams] = useSearchParams();
  const { message } = App.useApp();
  const withdraw = useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/access/policies/{name}", { params: { path: { name } } })),
    onSuccess: () => {
      message.success(t("policy.withdrawn", { name }));
      setParams({ tab: "policies" });
      return client.invalidateQueries({ queryKey: ["policies"] });
    },
    onError: (problem) => message.error(problem.message),
  });
  return (
    <Popconfirm title={t("policy.withdraw_sure", { name })} onConfirm={() => withdraw.mutate()}>
      <Button danger loading={withdraw.isPending}>
        {t("policy.withdraw")}
      </Button>
    </Popconfirm>
  );
}
