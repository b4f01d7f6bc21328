/** May somebody do something to an object? What the policies in force say, and why the others do not decide it. */

import { useQuery } from "@tanstack/react-query";
import { AutoComplete, Button, Form, Input, Select } from "antd";
import { useSearchParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

interface Asked {
  who: string;
  action: string;
  object?: string;
  zone?: string;
  project?: string;
  grade?: string;
}

const FIELDS = ["who", "action", "object", "zone", "project", "grade"] as const;

export function Decision() {
  const [params, setParams] = useSearchParams();
  const asked = Object.fromEntries(FIELDS.map((field) => [field, params.get(field) ?? undefined])) as Partial<Asked>;
  const people = useQuery({
    queryKey: ["principals", "names"],
    queryFn: () => take(api.GET("/api/v1/access/principals", { params: { query: { limit: 1000 } } })),
    staleTime: 60_000,
  });
  const roles = useQuery({
    queryKey: ["roles"],
    queryFn: () => take(api.GET("/api/v1/access/roles")),
    staleTime: 300_000,
  });
  const told = useQuery({
    queryKey: ["explained", asked],
    queryFn: () =>
      take(
        api.POST("/api/v1/access/policies:explain", {
          body: {
            principal: asked.who ?? "",
            action: asked.action ?? "",
            resource: asked.object || "*",
            kind: "object",
            zone: asked.zone ?? "",
            project: asked.project ?? "",
            grade: asked.grade ? Number(asked.grade) : null,
            attributes: {},
            context: {},
          },
        }),
      ),
    enabled: Boolean(asked.who && asked.action),
    retry: false,
  });
  const actions = roles.data?.items.at(-1)?.actions ?? [];

  function ask(form: Asked): void {
    const given = FIELDS.flatMap((field) => (form[field]?.trim() ? [[field, form[field].trim()]] : []));
    setParams({ tab: "decision", ...(Object.fromEntries(given) as Record<string, string>) });
  }

  return (
    <div className="padded decision">
      <Form
        key={params.toString()}
        layout="vertical"
        className="decision-form"
        requiredMark={false}
        initialValues={asked}
        onFinish={ask}
      >
        <Form.Item name="who" label={t("decision.who")} rules={[{ required: true, message: t("signin.required") }]}>
          <AutoComplete
            options={(people.data?.items ?? []).map(({ name }) => ({ value: name }))}
            showSearch={{ filterOption: true }}
          />
        </Form.Item>
        <Form.Item
          name="action"
          label={t("decision.action")}
          rules={[{ required: true, message: t("signin.required") }]}
        >
          <Select showSearch options={actions.map((value) => ({ value, label: value }))} />
        </Form.Item>
        <Form.Item name="object" label={t("decision.object")}>
          <Input placeholder={t("decision.any")} />
        </Form.Item>
        <Form.Item name="zone" label={t("security.zone")}>
          <Input placeholder={t("decision.none")} />
        </Form.Item>
        <Form.Item name="project" label={t("decision.project")}>
          <Input placeholder={t("decision.none")} />
        </Form.Item>
        <Form.Item name="grade" label={t("security.grade")}>
          <Select allowClear options={["1", "2", "3"].map((value) => ({ value, label: value }))} />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={told.isFetching}>
          {t("decision.ask")}
        </Button>
      </Form>
      {told.error && <ProblemBox problem={told.error as unknown as Problem} />}
      {told.data ? (
        <Answer told={told.data} asked={asked} />
      ) : (
        !told.isFetching &&
        !told.error && (
          <Nothing title={t("decision.empty")}>
            <p>{t("decision.empty_hint")}</p>
          </Nothing>
        )
      )}
    </div>
  );
}

/** Why, in the reader's language; the server's own words where a policy could not be evaluated. */
function reasonOf(told: Schemas["ExplanationView"]): string {
  const deciding = told.policies.filter((each) => each.decided).map((each) => each.policy);
  if (deciding.length > 0) return t("decision.by", { policies: deciding.join(", ") });
  return told.policies.some((each) => each.fit === "error") ? told.reason : t("decision.no_permit");
}

// texts: duty.*
function Answer({ told, asked }: { told: Schemas["ExplanationView"]; asked: Partial<Asked> }) {
  const facts = { who: asked.who ?? "", action: asked.action ?? "", object: asked.object ?? t("decision.any") };
  const deciding = told.policies.filter((each) => each.decided);
  const others = told.policies.filter((each) => !each.decided);
  return (
    <div role="status">
      <p className={`notice verdict ${told.allowed ? "good" : "bad"}`}>
        <b>{t(told.allowed ? "decision.allowed" : "decision.denied", facts)}</b> <span>{reasonOf(told)}</span>
      </p>
      {told.obligations.map((duty) => (
        <p key={`${duty.kind}${duty.argument}`}>
          <span className="chip warn">{t(`duty.${duty.kind}`)}</span> {duty.argument}{" "}
          <code className="quiet">{duty.policy}</code>
        </p>
      ))}
      {deciding.map((each) => (
        <div key={each.policy} className="deciding">
          <b>{each.policy}</b> <span className="chip">{t(`decision.${each.effect}`)}</span>
          <pre tabIndex={0}>{each.text.trim()}</pre>
        </div>
      ))}
      <h3>{t("decision.others", { count: others.length })}</h3>
      <Weighed items={others} />
    </div>
  );
}

// texts: fit.*
function Weighed({ items }: { items: Schemas["Weighed"][] }) {
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th>{t("security.policies")}</th>
          <th>{t("decision.effect")}</th>
          <th>{t("decision.why_not")}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each) => (
          <tr key={each.policy}>
            <td>
              <details>
                <summary>
                  <code>{each.policy}</code>
                </summary>
                <pre>{each.text.trim()}</pre>
              </details>
            </td>
            <td>{t(`decision.${each.effect}`)}</td>
            <td>
              {t(`fit.${each.fit}`)} {each.detail && <span className="quiet">{each.detail}</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
