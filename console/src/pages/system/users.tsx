/** People: made with a one-time link, given other roles, shut out and let back in. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useSession } from "~/app/session";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { OneTimeLink } from "~/parts/once";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { ProblemBox } from "~/parts/problem";
import { roleOptions, roleWords, sameRoles } from "~/parts/roles";
import { t } from "~/texts";

type Person = Schemas["PrincipalView"];
type Link = Schemas["NewInvitationView"];

const KEY = ["principals", "people"];

/** A page of people; services, devices and apps stand under Security. */
async function people(cursor: string | undefined): Promise<Schemas["PrincipalPage"]> {
  const page = await take(api.GET("/api/v1/access/principals", { params: { query: { cursor, limit: 200 } } }));
  return { ...page, items: page.items.filter((one) => one.kind === "person") };
}

export function Users() {
  const client = useQueryClient();
  const { message, modal } = App.useApp();
  const own = useSession();
  const [changed, setChanged] = useState<Person | "new">();
  const [link, setLink] = useState<Link>();
  const refresh = () => client.invalidateQueries({ queryKey: KEY.slice(0, 1) });

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      await refresh();
    } catch (problem) {
      message.error((problem as Problem).message);
    }
  }

  const path = (person: Person) => ({ params: { path: { name: person.name } } });
  const invite = (person: Person) =>
    attempt(async () => setLink(await take(api.POST("/api/v1/access/principals/{name}/invitation", path(person)))));

  function shut(person: Person): void {
    modal.confirm({
      title: t("system.revoke_sure", { name: person.name }),
      content: t("system.revoke_note"),
      okText: t("system.revoke"),
      okButtonProps: { danger: true },
      onOk: () => attempt(() => take(api.POST("/api/v1/access/principals/{name}/revoke", path(person)))),
    });
  }

  function letIn(person: Person): Promise<void> {
    return attempt(() => take(api.POST("/api/v1/access/principals/{name}/reinstate", path(person))));
  }

  const columns: Column<Person>[] = [
    { key: "name", title: t("system.name"), width: "minmax(160px, 1.2fr)", render: (row) => <b>{row.name}</b> },
    {
      key: "roles",
      title: t("system.roles"),
      width: "minmax(160px, 1fr)",
      render: (row) => roleWords(row.roles),
    },
    {
      key: "state",
      title: t("system.state"),
      width: "150px",
      render: (row) => (
        <span className={row.revoked ? "chip bad" : row.can_sign_in ? "chip good" : "chip"}>
          {t(row.revoked ? "system.revoked" : row.can_sign_in ? "system.active" : "system.no_password")}
        </span>
      ),
    },
    { key: "created", title: t("system.since"), width: "180px", render: (row) => format.dateTime(row.created) },
    {
      key: "do",
      title: "",
      width: "120px",
      render: (row) => (
        <Dropdown
          trigger={["click"]}
          menu={{
            items: [
              { key: "roles", label: t("system.change_roles"), onClick: () => setChanged(row) },
              { key: "link", label: t("system.new_link"), onClick: () => void invite(row) },
              row.revoked
                ? { key: "reinstate", label: t("system.reinstate"), onClick: () => void letIn(row) }
                : {
                    key: "revoke",
                    label: t("system.revoke"),
                    danger: true,
                    disabled: row.name === own?.name,
                    onClick: () => shut(row),
                  },
            ],
          }}
        >
          <Button size="small">{t("system.change")}</Button>
        </Dropdown>
      ),
    },
  ];
  return (
    <>
      <div className="toolbar">
        <Button type="primary" onClick={() => setChanged("new")}>
          {t("system.new_person")}
        </Button>
      </div>
      <Paged
        label={t("system.users")}
        queryKey={KEY}
        columns={columns}
        rowKey={(row) => row.id}
        fetch={people}
        empty={<Nothing title={t("system.no_users")} />}
      />
      {changed && (
        <PersonForm
          person={changed === "new" ? undefined : changed}
          onClose={() => setChanged(undefined)}
          onDone={(made) => {
            setChanged(undefined);
            setLink(made);
            void refresh();
          }}
        />
      )}
      {link && <OneTimeLink link={link} onClose={() => setLink(undefined)} />}
    </>
  );
}

interface FormProps {
  /** Whose roles change; nobody's: a new person. */
  person: Person | undefined;
  onClose: () => void;
  /** With the one-time link of a new person. */
  onDone: (link?: Link) => void;
}

interface Wish {
  name: string;
  roles: string[];
}

function PersonForm({ person, onClose, onDone }: FormProps) {
  const [form] = Form.useForm<Wish>();
  const { modal } = App.useApp();
  const save = useMutation({
    mutationFn: async ({ name, roles }: Wish) => {
      if (!person) {
        const body = { name, roles, kind: "person" as const, template: "" };
        return (await take(api.POST("/api/v1/access/principals", { body }))).invitation ?? undefined;
      }
      const params = { path: { name: person.name } };
      await take(api.PUT("/api/v1/access/principals/{name}/roles", { params, body: { roles } }));
      return undefined;
    },
    onSuccess: onDone,
  });

  /** Other roles of somebody who is there already are asked about: they are felt within seconds. */
  function ask(wish: Wish): void {
    if (!person || sameRoles(wish.roles, person.roles)) save.mutate(wish);
    else
      modal.confirm({
        title: t("role.sure", { name: person.name, roles: roleWords(wish.roles) }),
        okText: t("system.save"),
        onOk: () => save.mutate(wish),
      });
  }

  return (
    <Modal
      open
      title={person ? t("system.roles_of", { name: person.name }) : t("system.new_person")}
      okText={t(person ? "system.save" : "system.make")}
      confirmLoading={save.isPending}
      onCancel={onClose}
      onOk={form.submit}
    >
      {save.error && <ProblemBox problem={save.error as unknown as Problem} />}
      <Form
        form={form}
        layout="vertical"
        disabled={save.isPending}
        initialValues={{ roles: person?.roles ?? ["viewer"] }}
        onFinish={ask}
      >
        {!person && (
          <Form.Item name="name" label={t("system.name")} rules={[{ required: true, message: t("system.name_rule") }]}>
            <Input autoFocus autoComplete="off" />
          </Form.Item>
        )}
        <Form.Item
          name="roles"
          label={t("system.roles")}
          extra={t("system.roles_hint")}
          rules={[{ required: true, message: t("system.roles_rule") }]}
        >
          <Select mode="multiple" options={roleOptions()} showSearch={{ optionFilterProp: "label" }} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
