/** Let a machine in: a one-time token, the one command to run there, and word when it has come. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form, Input, InputNumber, Typography } from "antd";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useNow } from "~/live";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { enrolmentToken } from "./token";

interface Asked {
  name: string;
  minutes: number;
}

interface EnrolProps {
  machines: Schemas["MachineView"][];
  onClose: () => void;
}

export function Enrol({ machines, onClose }: EnrolProps) {
  const client = useQueryClient();
  const invite = useMutation({
    mutationFn: ({ name, minutes }: Asked) =>
      take(
        api.POST("/api/v1/access/enrolment/invitations", {
          body: { name, minutes, kind: "service", template: "gateway", serial: "" },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["machines"] }),
  });
  return (
    <Panel title={t("enrol.title")} extra={<Button onClick={onClose}>{t("command.close")}</Button>}>
      {!invite.data && (
        <>
          <p>{t("enrol.what")}</p>
          <Form<Asked>
            layout="vertical"
            className="inline-form"
            initialValues={{ minutes: 60 }}
            onFinish={invite.mutate}
          >
            <Form.Item
              name="name"
              label={t("devices.name")}
              extra={t("enrol.name_example")}
              rules={[
                { required: true, message: t("signin.required") },
                { pattern: /^[a-z0-9][a-z0-9_-]{0,62}$/, message: t("add.name_rule") },
              ]}
            >
              <Input autoFocus autoComplete="off" spellCheck={false} />
            </Form.Item>
            <Form.Item
              name="minutes"
              label={t("enrol.minutes")}
              rules={[{ required: true, message: t("signin.required") }]}
            >
              <InputNumber min={1} max={43_200} precision={0} />
            </Form.Item>
            <Button type="primary" htmlType="submit" loading={invite.isPending}>
              {t("enrol.make")}
            </Button>
          </Form>
        </>
      )}
      {invite.error && <ProblemBox problem={invite.error as unknown as Problem} />}
      {invite.data && <Invited made={invite.data} machine={machines.find((each) => each.name === invite.data.name)} />}
    </Panel>
  );
}

interface InvitedProps {
  made: Schemas["InvitedView"];
  machine: Schemas["MachineView"] | undefined;
}

function Invited({ made, machine }: InvitedProps) {
  const left = (Date.parse(made.expires) - useNow() / 1000) / 1000;
  const command = `lineshaft edge enrol ${enrolmentToken(made)} && lineshaft edge run`;
  // Of a machine that enrolled before, an older certificate stands there already.
  const come = Boolean(machine?.used && Date.parse(machine.used) >= Date.parse(machine.invited));
  return (
    <>
      <p>{t("enrol.run", { name: made.name })}</p>
      <Typography.Paragraph copyable={{ text: command }} className="command-line">
        <code>{command}</code>
      </Typography.Paragraph>
      <p className="quiet">{t("enrol.once", { url: made.url })}</p>
      {come ? (
        <Alert type="success" showIcon title={t("enrol.come", { name: made.name })} />
      ) : left > 0 ? (
        // Said aloud once, and not with each second that passes.
        <>
          <Alert
            type="info"
            showIcon
            title={t("enrol.waiting", { name: made.name, time: format.dateTime(made.expires) })}
          />
          <p className="quiet">{t("enrol.left", { left: format.age(left) })}</p>
        </>
      ) : (
        <Alert type="warning" showIcon title={t("enrol.over")} />
      )}
    </>
  );
}
