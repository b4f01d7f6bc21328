/** Writing to a machine: say what and why, see what would become of it, confirm, and follow it to its end. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form, Input, InputNumber, Modal, Popconfirm, Switch } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { LiveValue } from "~/parts/live";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { t } from "~/texts";
import { Decide } from "./decide";
import { ContentKeys } from "./keys";

type Command = Schemas["CommandView"];
type Body = Schemas["CommandBody"];

const GOOD = new Set(["verified", "executed"]);
const BAD = new Set(["denied", "failed", "indeterminate"]);
const WAIT_SECONDS = 10;
/** Of a command that the second person refused. */
const REFUSED = "edge.command_refused";

// texts: command_state.*
export function CommandState({ command }: { command: Command }) {
  if (command.code === REFUSED) return <span className="chip bad">{t("command_state.refused")}</span>;
  const tone = GOOD.has(command.state) ? "good" : BAD.has(command.state) ? "bad" : command.settled ? "" : "warn";
  return <span className={`chip ${tone}`}>{t(`command_state.${command.state}`)}</span>;
}

interface WriteProps {
  device: string;
  point: Schemas["Device"]["points"][number];
  path: string;
  unit: string;
  kind: string;
  onClose: () => void;
}

interface Asked {
  value: number | string | boolean;
  reason: string;
}

export function WriteDialogue({ device, point, path, unit, kind, onClose }: WriteProps) {
  const [form] = Form.useForm<Asked>();
  const [tried, setTried] = useState<{ asked: Asked; command: Command }>();
  // Where an answer is lost, the same is sent again with the same key: the machine is written to once.
  const [keys] = useState(() => new ContentKeys());
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: async ({ asked, dry }: { asked: Asked; dry: boolean }) => {
      const body = { device, point: point.name, value: asked.value, reason: asked.reason, dry_run: dry } as Body;
      const headers = dry ? {} : { "Idempotency-Key": keys.of(asked) };
      return take(api.POST("/api/v1/edge/commands", { params: { query: { wait: WAIT_SECONDS } }, body, headers }));
    },
    onSuccess: (command, { asked, dry }) => dry && setTried({ asked, command }),
    onSettled: (_command, _error, { dry }) => {
      if (!dry) void client.invalidateQueries({ queryKey: ["commands"] });
    },
  });
  const writing = send.isPending && !send.variables.dry;
  const sent = send.data && !send.variables.dry ? send.data : undefined;
  const problem = send.error as unknown as Problem | null;
  const lost = problem !== null && !send.variables?.dry && answerWasLost(problem);

  async function tryIt(): Promise<void> {
    const { value, reason } = await form.validateFields();
    send.mutate({ asked: { value, reason }, dry: true });
  }

  const verdict = tried && verdictOf(tried.command);
  const ready = verdict !== undefined && verdict.tone !== "error" && !send.isPending;
  const limits = point.write;
  return (
    <Modal
      open
      title={t("command.title", { point: `${device}/${point.name}` })}
      onCancel={onClose}
      footer={
        sent ? (
          <Button onClick={onClose}>{t("command.close")}</Button>
        ) : (
          <>
            <Button onClick={onClose}>{t("command.back")}</Button>
            <Button onClick={() => void tryIt()} disabled={writing} loading={send.isPending && send.variables.dry}>
              {t("command.try")}
            </Button>
            <Popconfirm
              title={t("command.sure", { point: `${device}/${point.name}` })}
              disabled={!ready}
              onConfirm={() => ready && tried && send.mutate({ asked: tried.asked, dry: false })}
            >
              <Button type="primary" danger disabled={!ready} loading={writing}>
                {t("command.write")}
              </Button>
            </Popconfirm>
          </>
        )
      }
    >
      <dl className="facts">
        <dt>{t("command.now")}</dt>
        <dd>
          <LiveValue path={path} unit={unit} />
        </dd>
        <dt>{t("command.meaning")}</dt>
        <dd>{point.description}</dd>
        {limits && (
          <>
            <dt>{t("command.limits")}</dt>
            <dd>
              {limits.minimum ?? "—"} … {limits.maximum ?? "—"} {unit}
              {limits.rate ? ` · ${t("command.rate", { rate: limits.rate, unit })}` : ""}
            </dd>
            {limits.interlock && (
              <>
                <dt>{t("command.interlock")}</dt>
                <dd>
                  <code>{limits.interlock}</code>
                </dd>
              </>
            )}
          </>
        )}
      </dl>
      {!sent && (
        <Form
          form={form}
          layout="vertical"
          className="command-form"
          disabled={send.isPending}
          onValuesChange={() => {
            setTried(undefined);
            send.reset();
          }}
        >
          <Form.Item
            name="value"
            label={t("command.value")}
            rules={[{ required: true, message: t("signin.required") }]}
            valuePropName={kind === "boolean" ? "checked" : "value"}
            initialValue={kind === "boolean" ? false : undefined}
          >
            {kind === "boolean" ? (
              <Switch />
            ) : kind === "text" ? (
              <Input autoFocus />
            ) : (
              <InputNumber className="wide-field" suffix={unit} autoFocus />
            )}
          </Form.Item>
          <Form.Item
            name="reason"
            label={t("command.reason")}
            rules={[{ required: true, message: t("signin.required") }]}
          >
            <Input placeholder={t("command.reason_example")} maxLength={200} />
          </Form.Item>
        </Form>
      )}
      {problem && (
        <Alert type="error" showIcon title={problem.title} description={lost ? t("command.lost") : problem.hint} />
      )}
      {verdict && !sent && !problem && (
        <Alert type={verdict.tone} showIcon title={t(verdict.text)} description={tried?.command.detail} />
      )}
      {sent && <Followed id={sent.id} begun={sent} />}
    </Modal>
  );
}

/** The command may have been taken all the same. */
function answerWasLost(problem: Problem): boolean {
  return problem.status === 0 || problem.status >= 500;
}

/** What a trial without writing said. */
function verdictOf(tried: Command) {
  if (BAD.has(tried.state)) return { tone: "error", text: "command.would_deny" } as const;
  if (tried.classification === "A") return { tone: "warning", text: "command.would_wait" } as const;
  return { tone: "success", text: "command.would_write" } as const;
}

/** What becomes of a command, until nothing more will come. */
function Followed({ id, begun }: { id: string; begun: Command }) {
  const command = useQuery({
    queryKey: ["command", id],
    queryFn: () => take(api.GET("/api/v1/edge/commands/{command}", { params: { path: { command: id } } })),
    initialData: begun,
    refetchInterval: (query) => (query.state.data?.settled ? false : 1000),
  }).data;
  return (
    <div role="status">
      <p>
        <CommandState command={command} /> {command.detail}
      </p>
      {command.state === "requested" && !command.settled && (
        <p>
          {t("command.second_person")} <Link to="/devices/@waiting">{t("waiting.title")}</Link>
        </p>
      )}
      {command.state === "indeterminate" && <Alert type="error" showIcon title={t("command.look")} />}
      {command.read !== null && (
        <p>{t("command.read_back", { before: format.value(command.before), read: format.value(command.read) })}</p>
      )}
      <table className="plain-table">
        <tbody>
          {command.steps.map((step) => (
            <tr key={`${step.time} ${step.state}`}>
              <td className="number">{format.dateTime(step.time)}</td>
              <td>{t(`command_state.${step.state}`)}</td>
              <td className="quiet">{step.detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A device's commands, newest first; those that wait can be approved by somebody else, or withdrawn. */
export function Commands({ device }: { device: string }) {
  const columns: Column<Command>[] = [
    { key: "created", title: t("command.time"), width: "165px", render: (row) => format.dateTime(row.created) },
    { key: "point", title: t("device.point"), width: "minmax(120px, 1fr)", render: (row) => row.point },
    {
      key: "value",
      title: t("command.value"),
      width: "150px",
      number: true,
      render: (row) => `${format.value(row.before)} → ${format.value(row.value)} ${row.unit ?? ""}`.trim(),
    },
    { key: "state", title: t("devices.state"), width: "170px", render: (row) => <CommandState command={row} /> },
    {
      key: "detail",
      title: t("command.detail"),
      width: "minmax(260px, 3fr)",
      render: (row) => (
        <div className="stack" title={[row.reason, row.detail].join("\n")}>
          <span>{row.detail || row.reason}</span>
          {row.detail && <small>{row.reason}</small>}
        </div>
      ),
    },
    {
      key: "act",
      title: "",
      width: "180px",
      render: (row) => <Decide command={row} size="small" />,
    },
  ];
  return (
    <Paged
      label={t("device.commands")}
      queryKey={["commands", "of", device]}
      columns={columns}
      rowKey={(row) => row.id}
      refreshSeconds={3}
      fetch={(cursor) => take(api.GET("/api/v1/edge/commands", { params: { query: { device, cursor, limit: 100 } } }))}
      empty={
        <Nothing title={t("command.none")}>
          <p>{t("command.none_hint")}</p>
        </Nothing>
      }
    />
  );
}
