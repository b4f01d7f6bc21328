/** First step: which device, where it is, and whether it answers. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { Alert, Button, Collapse, Form, Input, Select } from "antd";
import { api, Problem, take } from "~/api/client";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import type { StepProps } from "./add";
import { bodyOf, type Draft } from "./draft";
import { Options } from "./options";
import { SecretField } from "./secret";

/** Of a refusal because nobody trusts the server's certificate yet. */
const UNTRUSTED = "edge.server_untrusted";
const OFFERED = new Set(["secret"]);

export function ConnectStep({ draft, driver, drivers, change, go }: StepProps) {
  const [form] = Form.useForm<Draft>();
  const may = useMay();
  const gateways = useQuery({
    queryKey: ["gateways"],
    queryFn: () => take(api.GET("/api/v1/edge/gateways")),
    retry: false,
  }).data;
  const area = useArea();
  const probe = useMutation({
    mutationFn: () => {
      const device = bodyOf(draft, driver?.usual ?? "poll", false);
      return take(api.POST("/api/v1/edge/test", { body: { name: "", device } }));
    },
  });
  const trust = useMutation({
    mutationFn: (fingerprint: string) =>
      take(
        api.PUT("/api/v1/edge/certificates/{fingerprint}/trust", {
          params: { path: { fingerprint }, query: { gateway: draft.gateway } },
        }),
      ),
    onSuccess: () => probe.mutate(),
  });
  const problem = probe.error as unknown as Problem | null;
  const fingerprint = problem?.code === UNTRUSTED ? String(problem.facts.fingerprint ?? "") : "";
  const option = (name: string, value: unknown) => {
    probe.reset();
    change(({ options }) => ({ options: withOption(options, name, value) }));
  };

  async function checked(work: () => void): Promise<void> {
    await form.validateFields();
    work();
  }

  return (
    <Panel className="step">
      <Form
        form={form}
        layout="vertical"
        initialValues={{ ...draft, driver: draft.driver || undefined }}
        className="step-form"
        onValuesChange={(changed: Partial<Draft>) => {
          probe.reset();
          if (changed.driver !== undefined) change({ options: {}, mode: "" });
          if (changed.name !== undefined && area && isSuggested(draft, area)) {
            const path = `${area}/${changed.name}`;
            form.setFieldValue("path", path);
            change({ ...changed, path });
          } else change(changed);
        }}
      >
        <Form.Item name="driver" label={t("add.driver")} rules={[{ required: true, message: t("signin.required") }]}>
          <Select
            showSearch
            optionFilterProp="label"
            placeholder={t("add.driver_choose")}
            options={drivers.map((each) => ({ value: each.name, label: `${each.title} (${each.name})` }))}
          />
        </Form.Item>
        <Form.Item
          name="endpoint"
          label={t("device.endpoint")}
          extra={driver?.endpoint}
          rules={[{ required: true, message: t("signin.required") }]}
        >
          <Input spellCheck={false} autoComplete="off" className="mono" />
        </Form.Item>
        <Form.Item
          name="name"
          label={t("devices.name")}
          extra={t("add.name_rule")}
          rules={[
            { required: true, message: t("signin.required") },
            { pattern: /^[a-z0-9][a-z0-9_-]{0,62}$/, message: t("add.name_rule") },
          ]}
        >
          <Input spellCheck={false} autoComplete="off" />
        </Form.Item>
        <Form.Item
          name="path"
          label={t("device.path")}
          extra={t("add.path_rule")}
          rules={[
            { required: true, message: t("signin.required") },
            { pattern: /^[^/]+(\/[^/]+){5}$/, message: t("add.path_wrong") },
          ]}
        >
          <Input spellCheck={false} autoComplete="off" />
        </Form.Item>
        <Form.Item name="description" label={t("add.description")}>
          <Input maxLength={200} />
        </Form.Item>
        {gateways && gateways.items.length > 1 && (
          <Form.Item name="gateway" label={t("device.gateway")}>
            <Select options={gateways.items.map((each) => ({ value: each.name, label: each.name }))} />
          </Form.Item>
        )}
        {driver?.options.some((each) => each.name === "secret") && (
          <Form.Item label={t("add.secret")} htmlFor="add-secret">
            <SecretField
              id="add-secret"
              gateway={draft.gateway}
              suggested={draft.name}
              value={String(draft.options.secret ?? "")}
              onChange={(name) => option("secret", name)}
            />
          </Form.Item>
        )}
        {driver && driver.options.some((each) => !OFFERED.has(each.name)) && (
          <Collapse
            size="small"
            className="step-more"
            defaultActiveKey={driver.options.some((each) => each.required) ? "options" : undefined}
            items={[
              {
                key: "options",
                label: t("add.options", { title: driver.title }),
                children: (
                  <Options
                    options={driver.options.filter((each) => !OFFERED.has(each.name))}
                    values={draft.options}
                    onChange={option}
                  />
                ),
              },
            ]}
          />
        )}
      </Form>
      <div className="step-result" aria-live="polite">
        {probe.isPending && <Alert type="info" showIcon title={t("add.probing", { endpoint: draft.endpoint })} />}
        {probe.data && (
          <Alert
            type="success"
            showIcon
            title={t("add.answers", { ms: format.count(Math.round(probe.data.connect_ms)) })}
            description={<About about={probe.data.about} />}
          />
        )}
        {problem && (
          <>
            <ProblemBox problem={problem} onRetry={() => probe.mutate()} />
            {fingerprint && may("edge:configure") && (
              <Alert
                type="warning"
                showIcon
                title={t("add.trust_ask")}
                description={<code className="breakable">{fingerprint}</code>}
                action={
                  <Button danger loading={trust.isPending} onClick={() => trust.mutate(fingerprint)}>
                    {t("add.trust")}
                  </Button>
                }
              />
            )}
            {!fingerprint && <p className="quiet">{t("add.go_on_anyway")}</p>}
          </>
        )}
        {trust.error && <ProblemBox problem={trust.error as unknown as Problem} />}
      </div>
      <div className="step-foot">
        <Button onClick={() => void checked(() => probe.mutate())} loading={probe.isPending} disabled={!driver}>
          {t("add.probe")}
        </Button>
        <Button type="primary" onClick={() => void checked(() => go("points"))}>
          {t("add.next")}
        </Button>
      </div>
    </Panel>
  );
}

function About({ about }: { about: Record<string, string> }) {
  return (
    <dl className="facts">
      {Object.entries(about).map(([name, value]) => (
        <div key={name} className="facts-pair">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Where devices already are: the place of the first one. */
function useArea(): string {
  const first = useQuery({
    queryKey: ["devices", "area"],
    queryFn: () => take(api.GET("/api/v1/edge/devices", { params: { query: { limit: 1, sort: "path" } } })),
  }).data?.items[0];
  return first ? first.path.split("/").slice(0, -1).join("/") : "";
}

/** Nobody has written a path of their own yet. */
function isSuggested(draft: Draft, area: string): boolean {
  return draft.path === "" || draft.path === `${area}/${draft.name}`;
}

function withOption(options: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  const { [name]: _, ...others } = options;
  return value === undefined || value === null || value === "" ? others : { ...others, [name]: value };
}
