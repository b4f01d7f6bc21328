/** Signing in: name and password, a one-time link, a passkey, the plant's own provider, the sealed emergency code. */

import { IdcardOutlined, KeyOutlined, SafetyOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Divider, Form, Input } from "antd";
import { type ReactNode, useEffect, useState } from "react";
import { api, Problem, type Schemas, take } from "~/api/client";
import { t } from "~/texts";
import { Choices } from "../choices";
import { enter, useSession } from "../session";
import * as passkeys from "./passkeys";

type Way = "password" | "invitation" | "emergency";

/** What the address carries for us: a one-time link, or why the provider's answer was refused. */
function fragment(): { invite?: string; refused?: string } {
  const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  // The fragment never reaches the server; here it leaves the address bar and the history too.
  if (found.invite || found.refused) history.replaceState(null, "", location.pathname + location.search);
  return found;
}

const GIVEN = fragment();

/** What the plant's own provider may be refused for, where a person can do something about it. */
const REFUSALS = ["denied", "domain", "no_role", "refused", "unavailable"];

// texts: refused.*
function refusal(code: string): string {
  const reason = code.replace(/^access\.oidc_/, "");
  if (!REFUSALS.includes(reason)) return t("signin.refused", { code: code.slice(0, 80) });
  return t(`refused.${reason}`);
}

/** `over` a page that waits, it is a dialogue's content and no page of its own. */
export default function SignIn({ notice = "", over = false }: { notice?: string; over?: boolean }) {
  const client = useQueryClient();
  const person = useSession()?.name;
  const [way, setWay] = useState<Way>(!over && GIVEN.invite ? "invitation" : "password");
  const [problem, setProblem] = useState(!over && GIVEN.refused ? refusal(GIVEN.refused) : notice);
  const [busy, setBusy] = useState(false);
  const methods = useQuery({
    queryKey: ["methods"],
    queryFn: () => take(api.GET("/api/v1/access/session:methods")),
    staleTime: Number.POSITIVE_INFINITY,
  }).data;

  /** Do what gives a session; a refusal is shown. */
  async function attempt(work: () => Promise<Schemas["SessionView"] | null>, otherwise = ""): Promise<void> {
    setProblem("");
    setBusy(true);
    try {
      const session = await work();
      if (session) enter(client, session);
      else setProblem(otherwise);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error.message);
    } finally {
      setBusy(false);
    }
  }

  const Page = over ? "div" : "main";
  return (
    <Page className="signin">
      <div className="signin-head">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <div>
          <h1>
            Lineshaft <span lang="zh">天轴</span>
          </h1>
          <p>{t("signin.motto")}</p>
        </div>
      </div>
      <section className="signin-card">
        {problem && <Alert type="warning" showIcon title={problem} role="alert" />}
        {way === "password" && (
          <Password
            name={person}
            busy={busy}
            onSubmit={(body) => attempt(() => take(api.POST("/api/v1/access/session", { body })))}
          />
        )}
        {way === "invitation" && (
          <Invitation
            invitation={GIVEN.invite ?? ""}
            busy={busy}
            onVoid={(reason) => {
              setProblem(reason);
              setWay("password");
            }}
            onSubmit={(body) => attempt(() => take(api.POST("/api/v1/access/invitations/redeem", { body })))}
          />
        )}
        {way === "emergency" && (
          <Emergency
            busy={busy}
            onSubmit={(body) => attempt(() => take(api.POST("/api/v1/access/session:break-glass", { body })))}
          />
        )}
        {way !== "invitation" && (
          <>
            <Divider plain>{t("signin.or")}</Divider>
            <div className="signin-others">
              {methods?.passkey && passkeys.possible() && way === "password" && (
                <Button
                  icon={<KeyOutlined />}
                  block
                  onClick={() => attempt(passkeys.signIn, t("signin.passkey_unused"))}
                >
                  {t("signin.passkey")}
                </Button>
              )}
              {methods?.oidc && way === "password" && (
                <Button icon={<IdcardOutlined />} block href="/api/v1/access/oidc/start">
                  {t("signin.oidc", { name: methods.oidc })}
                </Button>
              )}
              <Button
                type="text"
                block
                icon={<SafetyOutlined />}
                onClick={() => setWay(way === "emergency" ? "password" : "emergency")}
              >
                {t(way === "emergency" ? "signin.password_way" : "signin.emergency")}
              </Button>
            </div>
          </>
        )}
      </section>
      {!over && (
        <footer className="signin-foot">
          <Choices />
        </footer>
      )}
    </Page>
  );
}

interface FormProps<Body> {
  busy: boolean;
  onSubmit: (body: Body) => void;
}

function Submit({ busy, children }: { busy: boolean; children: ReactNode }) {
  return (
    <Button type="primary" htmlType="submit" block size="large" loading={busy}>
      {children}
    </Button>
  );
}

const required = () => [{ required: true, message: t("signin.required") }];

function Password({ name, busy, onSubmit }: FormProps<Schemas["SignInBody"]> & { name: string | undefined }) {
  return (
    <Form layout="vertical" requiredMark={false} initialValues={{ name }} onFinish={onSubmit} size="large">
      <h2>{t("signin.title")}</h2>
      <Form.Item name="name" label={t("signin.name")} rules={required()}>
        <Input autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus={!name} />
      </Form.Item>
      <Form.Item name="password" label={t("signin.password")} rules={required()}>
        <Input.Password autoComplete="current-password" autoFocus={Boolean(name)} />
      </Form.Item>
      <Submit busy={busy}>{t("signin.title")}</Submit>
    </Form>
  );
}

function Emergency({ busy, onSubmit }: FormProps<Schemas["BreakGlassBody"]>) {
  return (
    <Form layout="vertical" requiredMark={false} onFinish={onSubmit} size="large">
      <h2>{t("signin.emergency")}</h2>
      <p>{t("signin.emergency_help")}</p>
      <Form.Item name="code" label={t("signin.code")} rules={required()}>
        <Input autoComplete="off" autoCapitalize="characters" spellCheck={false} autoFocus />
      </Form.Item>
      <Submit busy={busy}>{t("signin.title")}</Submit>
    </Form>
  );
}

interface InvitationProps extends FormProps<Schemas["RedeemBody"]> {
  invitation: string;
  onVoid: (reason: string) => void;
}

/** A one-time link may be for one person, or let its holder choose a name. */
function Invitation({ invitation, busy, onSubmit, onVoid }: InvitationProps) {
  const [form] = Form.useForm<{ name: string; password: string; again: string }>();
  const [fixed, setFixed] = useState(false);
  useEffect(() => {
    take(api.POST("/api/v1/access/invitations/describe", { body: { invitation } })).then(
      (found) => {
        if (found.name) form.setFieldsValue({ name: found.name });
        setFixed(Boolean(found.name));
      },
      (problem: Problem) => onVoid(problem.message),
    );
  }, [invitation]);
  return (
    <Form
      form={form}
      layout="vertical"
      requiredMark={false}
      size="large"
      onFinish={({ name, password }) => onSubmit({ invitation, name, password })}
    >
      <h2>{t("signin.welcome")}</h2>
      <p>{t("signin.invitation_help")}</p>
      <Form.Item name="name" label={t("signin.name")} rules={required()}>
        <Input autoComplete="username" autoCapitalize="none" spellCheck={false} readOnly={fixed} autoFocus={!fixed} />
      </Form.Item>
      <Form.Item name="password" label={t("signin.new_password")} rules={required()} extra={t("signin.password_rule")}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="again"
        label={t("signin.again")}
        dependencies={["password"]}
        rules={[
          ...required(),
          ({ getFieldValue }) => ({
            validator: (_, given) =>
              given === getFieldValue("password") ? Promise.resolve() : Promise.reject(new Error(t("signin.not_same"))),
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Submit busy={busy}>{t("signin.begin")}</Submit>
    </Form>
  );
}
