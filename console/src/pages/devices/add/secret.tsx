/** The credentials of a device by their name; new ones go straight to the gateway and are never shown again. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Form, Input, Modal, Select, Space } from "antd";
import { useState } from "react";
import { api, type Problem, take } from "~/api/client";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

interface SecretFieldProps {
  id: string;
  gateway: string;
  /** A name for new ones. */
  suggested: string;
  value: string;
  onChange: (name: string) => void;
}

interface Asked {
  name: string;
  user: string;
  password: string;
}

export function SecretField({ id, gateway, suggested, value, onChange }: SecretFieldProps) {
  const [form] = Form.useForm<Asked>();
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const known = useQuery({
    queryKey: ["secrets", gateway],
    queryFn: () => take(api.GET("/api/v1/edge/secrets", { params: { query: { gateway } } })),
  }).data;
  const keep = useMutation({
    mutationFn: ({ name, user, password }: Asked) =>
      take(
        api.PUT("/api/v1/edge/secrets/{name}", {
          params: { path: { name }, query: { gateway } },
          body: { user, password, certificate: "", private_key: "" },
        }),
      ),
    onSuccess: async (_, { name }) => {
      await client.invalidateQueries({ queryKey: ["secrets", gateway] });
      onChange(name);
      setOpen(false);
    },
  });
  return (
    <Space.Compact block>
      <Select
        id={id}
        allowClear
        value={value || undefined}
        placeholder={t("add.secret_none")}
        onChange={(name: string | undefined) => onChange(name ?? "")}
        options={(known?.items ?? []).map((each) => ({ value: each.name, label: each.name }))}
      />
      <Button onClick={() => setOpen(true)}>{t("add.secret_new")}</Button>
      <Modal
        open={open}
        title={t("add.secret_new")}
        okText={t("add.secret_keep")}
        cancelText={t("command.back")}
        confirmLoading={keep.isPending}
        onOk={() => void form.validateFields().then((asked) => keep.mutate(asked))}
        onCancel={() => setOpen(false)}
        destroyOnHidden
      >
        <p className="quiet">{t("add.secret_where", { gateway })}</p>
        <Form form={form} layout="vertical" initialValues={{ name: suggested }} preserve={false}>
          <Form.Item name="name" label={t("devices.name")} rules={[{ required: true, message: t("signin.required") }]}>
            <Input autoComplete="off" />
          </Form.Item>
          <Form.Item name="user" label={t("add.user")} rules={[{ required: true, message: t("signin.required") }]}>
            <Input autoComplete="off" />
          </Form.Item>
          <Form.Item
            name="password"
            label={t("add.password")}
            rules={[{ required: true, message: t("signin.required") }]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
        </Form>
        {keep.error && <ProblemBox problem={keep.error as unknown as Problem} />}
      </Modal>
    </Space.Compact>
  );
}
