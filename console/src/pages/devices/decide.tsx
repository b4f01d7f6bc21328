/** Approving or refusing a write as the second person; withdrawing one's own. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, Modal, Popconfirm } from "antd";
import { useState } from "react";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useMay, useSession } from "~/app/session";
import * as format from "~/parts/format";
import { LiveValue } from "~/parts/live";
import { t } from "~/texts";

type Command = Schemas["CommandView"];

/** What whoever approves must know: the value that is there now, what bounds the new one, and what happens then. */
function Meaning({ command: { path, unit, minimum, maximum } }: { command: Command }) {
  return (
    <>
      {path && (
        <p className="flat">
          {t("command.now")}: <LiveValue path={path} unit={unit} />
        </p>
      )}
      {(minimum !== null || maximum !== null) && (
        <p className="flat">
          {t("command.limits")}: {minimum ?? "—"} … {maximum ?? "—"} {unit}
        </p>
      )}
      <p className="flat">{t("command.approve_means")}</p>
    </>
  );
}

export function Decide({ command, size }: { command: Command; size?: "small" }) {
  const may = useMay();
  const session = useSession();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [refusing, setRefusing] = useState(false);
  const [reason, setReason] = useState("");
  const path = { path: { command: command.id } };
  const act = useMutation({
    mutationFn: (verb: "approve" | "refuse" | "cancel") => {
      if (verb === "approve") return take(api.POST("/api/v1/edge/commands/{command}/approve", { params: path }));
      if (verb === "cancel") return take(api.POST("/api/v1/edge/commands/{command}/cancel", { params: path }));
      return take(api.POST("/api/v1/edge/commands/{command}/refuse", { params: path, body: { reason } }));
    },
    onSuccess: (after) => {
      setRefusing(false);
      const word = t(after.code === "edge.command_refused" ? "command_state.refused" : `command_state.${after.state}`);
      const said = [`${command.device}/${command.point}: ${word}`, after.detail].filter(Boolean).join(" · ");
      if (after.state === "denied" || after.state === "failed") message.error(said);
      else message.info(said);
    },
    onError: (problem) => void message.error((problem as unknown as Problem).message),
    onSettled: () => client.invalidateQueries({ queryKey: ["commands"] }),
  });
  if (command.settled) return null;
  const own = command.by === session?.name;
  const point = `${command.device}/${command.point}`;
  return (
    <span className="button-row">
      {command.state === "requested" && !own && may("edge:approve_command") && (
        <>
          <Popconfirm
            title={t("command.approve_sure", {
              value: [format.value(command.value), command.unit].filter(Boolean).join(" "),
              point,
            })}
            description={<Meaning command={command} />}
            onConfirm={() => act.mutate("approve")}
          >
            <Button size={size} type="primary" danger loading={act.isPending && act.variables === "approve"}>
              {t("command.approve")}
            </Button>
          </Popconfirm>
          <Button size={size} onClick={() => setRefusing(true)}>
            {t("command.refuse")}
          </Button>
        </>
      )}
      {(own || command.state !== "requested") && may("edge:command") && (
        <Button size={size} onClick={() => act.mutate("cancel")} loading={act.isPending}>
          {t("command.cancel")}
        </Button>
      )}
      <Modal
        open={refusing}
        title={t("command.refuse_of", { point })}
        okText={t("command.refuse")}
        okButtonProps={{ disabled: !reason.trim(), loading: act.isPending }}
        cancelText={t("command.back")}
        onOk={() => act.mutate("refuse")}
        onCancel={() => setRefusing(false)}
      >
        <label>
          {t("command.refuse_why")}
          <Input
            autoFocus
            maxLength={200}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            onPressEnter={() => reason.trim() && act.mutate("refuse")}
          />
        </label>
      </Modal>
    </span>
  );
}
