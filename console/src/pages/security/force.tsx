/** Putting a text into force: what it changes, why, and a last question. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Form, Input, Modal } from "antd";
import { api, Problem, type Schemas, take } from "~/api/client";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { Comparison } from "./comparison";

interface ForceProps {
  policy: Schemas["PolicyView"] | undefined;
  name: string;
  text: string;
  onClose: () => void;
}

/** The ETag of the text that this page shows; refused where another one is in force by now. */
async function seen(name: string, version: number): Promise<Record<string, string>> {
  const { data, response } = await api.GET("/api/v1/access/policies/{name}", { params: { path: { name } } });
  // A newer version is not the one that was read: its tag must not let this one through.
  return { "If-Match": data?.version === version ? (response.headers.get("etag") ?? '"none"') : '"another"' };
}

export function ForceDialogue({ policy, name, text, onClose }: ForceProps) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ reason: string }>();
  const force = useMutation({
    mutationFn: async (reason: string) =>
      take(
        api.PUT("/api/v1/access/policies/{name}", {
          params: { path: { name } },
          body: { text, reason },
          headers: policy ? await seen(name, policy.version) : { "If-None-Match": "*" },
        }),
      ),
    onSuccess: async () => {
      message.success(t("policy.forced", { name }));
      await client.invalidateQueries({ queryKey: ["policies"] });
      onClose();
    },
    // Somebody else was quicker: then the page says so, and shows by what.
    onError: (problem) =>
      problem instanceof Problem && problem.status === 412
        ? client.invalidateQueries({ queryKey: ["policies"] })
        : undefined,
  });
  return (
    <Modal
      open
      width={820}
      title={t("policy.force_title", { name })}
      okText={t("policy.force")}
      confirmLoading={force.isPending}
      onOk={form.submit}
      onCancel={onClose}
    >
      <p>{t("policy.force_hint")}</p>
      <Comparison name={name} before={policy?.text ?? ""} text={text} />
      <Form form={form} layout="vertical" className="command-form" onFinish={({ reason }) => force.mutate(reason)}>
        <Form.Item
          name="reason"
          label={t("security.reason")}
          rules={[{ required: true, whitespace: true, message: t("signin.required") }]}
        >
          <Input maxLength={500} placeholder={t("policy.reason_example")} />
        </Form.Item>
      </Form>
      {force.error && <ProblemBox problem={force.error as unknown as Problem} />}
    </Modal>
  );
}
