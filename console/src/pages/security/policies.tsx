/** The texts in force, and an editor for one's own: check, try, compare, then put into force with a reason. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Input, Popconfirm, Select } from "antd";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { api, Problem, type Schemas, take } from "~/api/client";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
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

// texts: policy_origin.*
export function Policies() {
  const [params, setParams] = useSearchParams();
  const policies = useQuery({ queryKey: ["policies"], queryFn: () => take(api.GET("/api/v1/access/policies")) });
  const items = policies.data?.items ?? [];
  const named = params.get("policy") ?? "";
  const made = named !== "" && policies.isSuccess && !items.some((each) => each.name === named);
  const policy = items.find((each) => each.name === named) ?? (made ? undefined : items[0]);

  if (policies.error) return <ProblemBox problem={policies.error as unknown as Problem} />;
  if (!policies.data) return null;
  const choose = (name: string) => setParams({ tab: "policies", policy: name });
  return (
    <div className="padded policy">
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
      <Draft key={policy ? `${policy.name} ${policy.version}` : named} policy={policy} name={policy?.name ?? named} />
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

/** The text as somebody changes it. */
function Draft({ policy, name }: { policy: Policy | undefined; name: string }) {
  const client = useQueryClient();
  const [, setParams] = useSearchParams();
  const { message } = App.useApp();
  const present = policy?.text ?? "";
  const [text, setText] = useState(policy ? policy.text : TEMPLATE);
  const [view, setView] = useState<View>("text");
  const [forcing, setForcing] = useState(false);
  const own = !policy || policy.origin === "uploaded";
  const check = useMutation({
    mutationFn: () => take(api.POST("/api/v1/access/policies:check", { body: { name, text } })),
    onError: () => setView("text"),
  });
  const withdraw = useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/access/policies/{name}", { params: { path: { name } } })),
    onSuccess: () => {
      message.success(t("policy.withdrawn", { name }));
      setParams({ tab: "policies" });
      return client.invalidateQueries({ queryKey: ["policies"] });
    },
    onError: (problem) => message.error(problem.message),
  });
  const fault = useMemo(() => faultOf(check.error), [check.error]);
  const changed = text !== present;
  return (
    <>
      <div className="toolbar flat-bar">
        <Choice
          label={t("policy.view")}
          value={view}
          options={VIEWS.map((value) => ({ value, label: t(`policy.${value}`) }))}
          onChange={setView}
        />
        <span className="grow" />
        {changed && own && <span className="chip warn">{t("policy.unsaved")}</span>}
        <Button onClick={() => check.mutate()} loading={check.isPending}>
          {t("security.policy_check")}
        </Button>
        {own && (
          <Button type="primary" disabled={!changed} onClick={() => setForcing(true)}>
            {t("policy.force")}
          </Button>
        )}
        {policy?.origin === "uploaded" && (
          <Popconfirm title={t("policy.withdraw_sure", { name })} onConfirm={() => withdraw.mutate()}>
            <Button danger loading={withdraw.isPending}>
              {t("policy.withdraw")}
            </Button>
          </Popconfirm>
        )}
      </div>
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
      {forcing && <ForceDialogue policy={policy} name={name} text={text} onClose={() => setForcing(false)} />}
    </>
  );
}
