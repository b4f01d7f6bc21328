/** Roles and clearance of somebody, changed here; letting them in and keeping them out. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, Popconfirm } from "antd";
import { useState } from "react";
import { api, type Schemas, take } from "~/api/client";
import { useSession } from "~/app/session";
import { Choice } from "~/parts/choice";
import { OneTimeLink } from "~/parts/once";
import { Panel } from "~/parts/page";
import { roleOptions, roleWords, sameRoles } from "~/parts/roles";
import { t } from "~/texts";

type Principal = Schemas["PrincipalView"];

const GRADES = ["1", "2", "3"] as const;

/** What somebody's rights are changed by: one work at a time; what is shown of them is asked for anew. */
function useChange(name: string) {
  const client = useQueryClient();
  const { message } = App.useApp();
  return useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onError: (problem) => message.error(problem.message),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["principal", name] }),
        client.invalidateQueries({ queryKey: ["sign-ins", name] }),
        client.invalidateQueries({ queryKey: ["principals"] }),
      ]),
  });
}

export function Rights({ who }: { who: Principal }) {
  const me = useSession();
  const change = useChange(who.name);
  const itself = who.id === me?.id;
  const withRoles = who.kind === "person" || who.kind === "app";
  return (
    <Panel title={t("principal.rights")}>
      <dl className="facts rights">
        <dt>{t("security.roles")}</dt>
        <dd>
          {withRoles ? <Roles key={who.roles.join()} who={who} fixed={itself} change={change} /> : roleWords(who.roles)}
          {itself && <p className="quiet flat">{t("principal.not_oneself")}</p>}
        </dd>
        <dt>{t("security.clearance")}</dt>
        <dd>
          <Clearance key={who.clearance} who={who} change={change} />
        </dd>
      </dl>
      <Doors who={who} itself={itself} change={change} />
    </Panel>
  );
}

interface ChangeProps {
  who: Principal;
  change: ReturnType<typeof useChange>;
}

function Roles({ who, fixed, change }: ChangeProps & { fixed: boolean }) {
  const [roles, setRoles] = useState<string[]>(who.roles);
  const params = { path: { name: who.name } };
  return (
    <>
      <Checkbox.Group value={roles} options={roleOptions()} disabled={fixed} onChange={setRoles} />
      {!sameRoles(roles, who.roles) && (
        <Popconfirm
          title={t("role.sure", { name: who.name, roles: roleWords(roles) })}
          onConfirm={() =>
            change.mutate(() => take(api.PUT("/api/v1/access/principals/{name}/roles", { params, body: { roles } })))
          }
        >
          <Button size="small" type="primary" loading={change.isPending}>
            {t("principal.save")}
          </Button>
        </Popconfirm>
      )}
    </>
  );
}

/** Chosen first and saved after a question: the arrow keys walk through the choice. */
function Clearance({ who, change }: ChangeProps) {
  const present = String(who.clearance) as (typeof GRADES)[number];
  const [grade, setGrade] = useState(present);
  const params = { path: { name: who.name } };
  const body = { clearance: Number(grade) };
  return (
    <span className="button-row wrap">
      <Choice
        label={t("security.clearance")}
        value={grade}
        options={GRADES.map((value) => ({ value, label: t("principal.up_to", { grade: value }) }))}
        onChange={setGrade}
      />
      {grade !== present && (
        <Popconfirm
          title={t("principal.clearance_sure", { name: who.name, grade })}
          onConfirm={() =>
            change.mutate(() => take(api.PUT("/api/v1/access/principals/{name}/clearance", { params, body })))
          }
        >
          <Button size="small" type="primary" loading={change.isPending}>
            {t("principal.save_clearance")}
          </Button>
        </Popconfirm>
      )}
    </span>
  );
}

/** A new link, keeping out, letting in again. */
function Doors({ who, itself, change }: ChangeProps & { itself: boolean }) {
  const [link, setLink] = useState<Schemas["NewInvitationView"]>();
  const params = { path: { name: who.name } };

  async function invite(): Promise<void> {
    setLink(await take(api.POST("/api/v1/access/principals/{name}/invitation", { params })));
  }

  return (
    <span className="button-row wrap">
      {who.kind === "person" && !who.revoked && (
        <Popconfirm title={t("principal.invite_sure", { name: who.name })} onConfirm={() => change.mutate(invite)}>
          <Button disabled={change.isPending}>{t("principal.invite")}</Button>
        </Popconfirm>
      )}
      {who.revoked && (
        <Popconfirm
          title={t("principal.reinstate_sure", { name: who.name })}
          onConfirm={() =>
            change.mutate(() => take(api.POST("/api/v1/access/principals/{name}/reinstate", { params })))
          }
        >
          <Button disabled={change.isPending}>{t("principal.reinstate")}</Button>
        </Popconfirm>
      )}
      {!who.revoked && !itself && (
        <Popconfirm
          title={t("principal.revoke_sure", { name: who.name })}
          onConfirm={() => change.mutate(() => take(api.POST("/api/v1/access/principals/{name}/revoke", { params })))}
        >
          <Button danger disabled={change.isPending}>
            {t("principal.revoke")}
          </Button>
        </Popconfirm>
      )}
      {link && <OneTimeLink link={link} onClose={() => setLink(undefined)} />}
    </span>
  );
}
