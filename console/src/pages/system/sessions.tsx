/** The browsers one is signed in with, and one's API tokens: made, seen once, ended. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input, InputNumber, Modal, Popconfirm, Select, Skeleton } from "antd";
import { useState } from "react";
import { api, type Problem, take } from "~/api/client";
import { useSession } from "~/app/session";
import * as format from "~/parts/format";
import { ShownOnce } from "~/parts/once";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

const LONGEST_DAYS = 3650;

export function Sessions() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [making, setMaking] = useState(false);
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: () => take(api.GET("/api/v1/access/tokens")) });
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => take(api.GET("/api/v1/access/sessions")) });

  const end = useMutation({
    mutationFn: ({ session, token }: { session?: string; token?: string }) =>
      session
        ? take(api.DELETE("/api/v1/access/sessions/{session}", { params: { path: { session } } }))
        : take(api.DELETE("/api/v1/access/tokens/{token}", { params: { path: { token: token ?? "" } } })),
    onError: (problem) => message.error(problem.message),
    onSettled: (_, __, { session }) => client.invalidateQueries({ queryKey: [session ? "sessions" : "tokens"] }),
  });
  return (
    <div className="padded columns">
      <h2>{t("system.sessions")}</h2>
      <Coming list={sessions} />
      <table className="plain-table">
        <tbody>
          {(sessions.data?.items ?? []).map((session) => (
            <tr key={session.id}>
              <td>{session.address}</td>
              <td>{t("system.seen", { time: format.dateTime(session.seen) })}</td>
              <td className="number">
                {session.current ? (
                  <span className="chip good">{t("system.this_session")}</span>
                ) : (
                  <Button size="small" disabled={end.isPending} onClick={() => end.mutate({ session: session.id })}>
                    {t("system.end")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>{t("system.api_tokens")}</h2>
      <p>
        <Button type="primary" onClick={() => setMaking(true)}>
          {t("system.new_token")}
        </Button>
      </p>
      <Coming list={tokens} />
      {tokens.data?.items.length === 0 && <p className="quiet">{t("system.no_tokens")}</p>}
      <table className="plain-table">
        <tbody>
          {(tokens.data?.items ?? []).map((token) => (
            <tr key={token.id}>
              <td>
                <b>{token.label}</b>
              </td>
              <td>{token.scopes.join(", ")}</td>
              <td>{t("system.until", { time: format.dateTime(token.expires) })}</td>
              <td className="number">
                <Popconfirm title={t("system.token_sure")} onConfirm={() => end.mutate({ token: token.id })}>
                  <Button size="small" disabled={end.isPending}>
                    {t("system.end")}
                  </Button>
                </Popconfirm>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {making && <NewToken onClose={() => setMaking(false)} />}
    </div>
  );
}

/** A list that is not there yet, or could not be asked for anew. */
function Coming({ list }: { list: { isPending: boolean; error: unknown; refetch: () => unknown } }) {
  if (list.isPending) return <Skeleton active title={false} paragraph={{ rows: 2 }} />;
  return list.error ? <ProblemBox problem={list.error as Problem} onRetry={() => void list.refetch()} /> : null;
}

interface Wish {
  label: string;
  scopes: string[];
  days?: number;
}

function NewToken({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const session = useSession();
  const [form] = Form.useForm<Wish>();
  const make = useMutation({
    mutationFn: (wish: Wish) => take(api.POST("/api/v1/access/tokens", { body: { name: "", ...wish } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["tokens"] }),
  });

  if (make.data)
    return (
      <ShownOnce title={t("system.new_token")} text={make.data.text} note={t("system.token_note")} onClose={onClose} />
    );
  return (
    <Modal
      open
      title={t("system.new_token")}
      okText={t("system.make")}
      confirmLoading={make.isPending}
      onCancel={onClose}
      onOk={form.submit}
    >
      {make.error && <ProblemBox problem={make.error as unknown as Problem} />}
      <Form form={form} layout="vertical" disabled={make.isPending} onFinish={make.mutate}>
        <Form.Item
          name="label"
          label={t("system.purpose")}
          rules={[{ required: true, max: 120, message: t("system.purpose_rule") }]}
        >
          <Input autoFocus />
        </Form.Item>
        <Form.Item
          name="scopes"
          label={t("system.scopes")}
          extra={t("system.scopes_hint")}
          rules={[{ required: true, message: t("system.scopes_rule") }]}
        >
          <Select mode="multiple" options={(session?.actions ?? []).map((action) => ({ value: action }))} />
        </Form.Item>
        <Form.Item name="days" label={t("system.days")} extra={t("system.days_hint")}>
          <InputNumber min={1} max={LONGEST_DAYS} precision={0} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
