/** Changing one's own password. */

import { App, Form, Input, Modal } from "antd";
import { useState } from "react";
import { api, keepCsrf, type Problem, type Schemas, take } from "~/api/client";
import { t } from "~/texts";

export default function PasswordForm({ onClose }: { onClose: () => void }) {
  const [form] = Form.useForm<{ old: string; password: string; again: string }>();
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);

  async function change(): Promise<void> {
    const { old, password } = await form.validateFields();
    setBusy(true);
    try {
      const session = (await take(
        api.POST("/api/v1/access/password", { body: { old, new: password } }),
      )) as Schemas["SessionView"];
      if (session?.csrf) keepCsrf(session.csrf);
      message.success(t("person.password_changed"));
      onClose();
    } catch (problem) {
      form.setFields([{ name: "old", errors: [(problem as Problem).message] }]);
    } finally {
      setBusy(false);
    }
  }

  const required = [{ required: true, message: t("signin.required") }];
  return (
    <Modal open title={t("person.password")} onCancel={onClose} onOk={() => void change()} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false}>
        <Form.Item name="old" label={t("person.old_password")} rules={required}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Form.Item name="password" label={t("signin.new_password")} rules={required} extra={t("signin.password_rule")}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Form.Item
          name="again"
          label={t("signin.again")}
          dependencies={["password"]}
          rules={[
            ...required,
            ({ getFieldValue }) => ({
              validator: (_, given) =>
                given === getFieldValue("password")
                  ? Promise.resolve()
                  : Promise.reject(new Error(t("signin.not_same"))),
            }),
          ]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
