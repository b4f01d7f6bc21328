/** Roles and clearance of somebody, changed here; letting them in and keeping them out. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, Modal, Popconfirm, Typography } from "antd";
import { useState } from "react";
import { api, type Schemas, take } from "~/api/client";
import { useSession } from "~/app/session";
import { Choice } from "~/parts/choice";
import { Panel } from "~/parts/page";
import { t } from "~/texts";

type Principal = Schemas["PrincipalView"];

const ROLES = ["viewer", "operator", "engineer", "administrator"] as const;
const GRADES = ["1", "2", "3"] as const;

export function Rights({ who }: { who: Principal }) {
  const client = useQueryClient();
  const me = useSession();
  const { message } = App.useApp();
  const [roles, setRoles] = useState<string[]>(who.roles);
  const [link, setLink] = useState("");
  const params = { path: { name: who.name } };
  const change = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onError: (problem) => message.error(problem.message),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["principal", who.name] }),
        client.invalidateQueries({ queryKey: ["sign-ins", who.name] }),
        client.invalidateQueries({ queryKey: ["principals"] }),
      ]),
  });
  const itself = who.id === me?.id;
  const withRoles = who.kind === "person" || who.kind === "app";
  const changed = roles.length !== who.roles.length || roles.some((role) => !who.roles.includes(role));

  async function invite(): Promise<void> {
    const made = await take(api.POST("/api/v1/access/principals/{name}/invitation", { params }));
    setLink(`${location.origin}${made.path}`);
  }

  return (
    <Panel title={t("principal.rights")}>
      <dl className="facts rights">
        <dt>{t("security.roles")}</dt>
        <dd>
          {withRoles ? (
            <>
              <Checkbox.Group
                value={roles}
                options={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))}
                disabled={itself}
                onChange={setRoles}
              />
              {changed && (
                <Popconfirm
                  title={t("principal.roles_sure", {
                    name: who.name,
                    roles: roles.map((role) => t(`role.${role}`)).join(", ") || "—",
                  })}
                  onConfirm={() =>
                    change.mutate(() =>
                      take(api.PUT("/api/v1/access/principals/{name}/roles", { params, body: { roles } })),
                    )
                  }
                >
                  <Button size="small" type="primary">
                    {t("principal.save")}
                  </Button>
                </Popconfirm>
              )}
            </>
          ) : (
            who.roles.map((role) => t(`role.${role}`)).join(", ") || "—"
          )}
          {itself && <p className="quiet flat">{t("principal.not_oneself")}</p>}
        </dd>
        <dt>{t("security.clearance")}</dt>
        <dd>
          <Choice
            label={t("security.clearance")}
            value={String(who.clearance) as (typeof GRADES)[number]}
            options={GRADES.map((value) => ({ value, label: t("principal.up_to", { grade: value }) }))}
            onChange={(grade) =>
              change.mutate(() =>
                take(
                  api.PUT("/api/v1/access/principals/{name}/clearance", { params, body: { clearance: Number(grade) } }),
                ),
              )
            }
          />
        </dd>
      </dl>
      <span className="button-row wrap">
        {who.kind === "person" && !who.revoked && (
          <Popconfirm title={t("principal.invite_sure", { name: who.name })} onConfirm={() => change.mutate(invite)}>
            <Button>{t("principal.invite")}</Button>
          </Popconfirm>
        )}
        {who.revoked ? (
          <Popconfirm
            title={t("principal.reinstate_sure", { name: who.name })}
            onConfirm={() =>
              change.mutate(() => take(api.POST("/api/v1/access/principals/{name}/reinstate", { params })))
            }
          >
            <Button>{t("principal.reinstate")}</Button>
          </Popconfirm>
        ) : (
          !itself && (
            <Popconfirm
              title={t("principal.revoke_sure", { name: who.name })}
              onConfirm={() =>
                change.mutate(() => take(api.POST("/api/v1/access/principals/{name}/revoke", { params })))
              }
            >
              <Button danger>{t("principal.revoke")}</Button>
            </Popconfirm>
          )
        )}
      </span>
      <Modal
        open={link !== ""}
        title={t("principal.link", { name: who.name })}
        footer={null}
        onCancel={() => setLink("")}
      >
        <p>{t("principal.link_hint")}</p>
        <Typography.Paragraph copyable className="mono">
          {link}
        </Typography.Paragraph>
      </Modal>
    </Panel>
  );
}
