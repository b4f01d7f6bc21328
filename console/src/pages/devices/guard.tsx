/** The guard of a gateway: the policy in force, what learning would add to it, and taking that in. */

import { ArrowLeftOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Checkbox, Popconfirm, Skeleton } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useMay } from "~/app/session";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { Figure, Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { APPROVAL, Refusal } from "./approval";
import "./devices.css";
import { type DiffLine, joined, proposedDiff, unseen } from "./policy";

type Guard = Schemas["GuardView"];
type Mode = "learn" | "shadow" | "enforce";
const MODES: Mode[] = ["learn", "shadow", "enforce"];

export default function GuardPage() {
  const { gateway = "" } = useParams();
  const guard = useQuery({
    queryKey: ["guard", gateway],
    queryFn: async ({ signal }) => {
      const answer = await api.GET("/api/v1/edge/gateways/{gateway}/guard", { params: { path: { gateway } }, signal });
      return { view: answer.data as Guard, etag: answer.response.headers.get("etag") ?? "" };
    },
    refetchInterval: 5000,
  });
  return (
    <div className="page">
      <Link to="/devices/@gateways" className="back">
        <ArrowLeftOutlined /> {t("gateways.title")}
      </Link>
      <PageHead title={t("guard.of", { gateway })} sub={t("guard.sub")} />
      {guard.error && <ProblemBox problem={guard.error as unknown as Problem} onRetry={() => void guard.refetch()} />}
      {guard.data ? (
        <Whole gateway={gateway} view={guard.data.view} etag={guard.data.etag} />
      ) : (
        !guard.error && <Skeleton active />
      )}
    </div>
  );
}

interface Sending {
  body: Pick<Guard, "mode" | "policy" | "reads" | "time_zone" | "plant_mode" | "plant_mode_point">;
  /** ETag of what the change was made on. */
  seen: string;
  approval: string;
}

interface WholeProps {
  gateway: string;
  view: Guard;
  etag: string;
}

function Whole({ gateway, view, etag }: WholeProps) {
  const may = useMay()("edge:configure");
  const client = useQueryClient();
  const { message } = App.useApp();
  const put = useMutation({
    mutationFn: ({ body, seen, approval }: Sending) =>
      take(
        api.PUT("/api/v1/edge/gateways/{gateway}/parts/{part}", {
          params: { path: { gateway, part: "guard" } },
          body: body as unknown as Record<string, never>,
          headers: { ...(seen ? { "If-Match": seen } : {}), ...(approval ? { [APPROVAL]: approval } : {}) },
        }),
      ),
    onSuccess: () => void message.success(t("guard.in_force")),
    onSettled: () => client.invalidateQueries({ queryKey: ["guard", gateway] }),
  });
  const problem = put.error as unknown as Problem | null;
  const change = (changed: Partial<Guard>) => {
    const { mode, policy, reads, time_zone, plant_mode, plant_mode_point } = { ...view, ...changed };
    put.mutate({ body: { mode, policy, reads, time_zone, plant_mode, plant_mode_point }, seen: etag, approval: "" });
  };
  /** Exactly what was refused, on what stood there then: that is what somebody has approved. */
  const again = (approval: string) => put.variables && put.mutate({ ...put.variables, approval });
  return (
    <>
      {view.away && <Alert type="warning" showIcon title={t("guard.away")} description={view.away} />}
      <ModePanel view={view} may={may} onChange={(mode) => change({ mode })} />
      {problem && <Refusal problem={problem} onAgain={again} />}
      <Learned key={etag} view={view} may={may} busy={put.isPending} onAccept={(policy) => change({ policy })} />
      <Panel
        title={t("guard.policy")}
        extra={
          <span className="quiet">
            {view.changed ? t("guard.changed", { time: format.dateTime(view.changed) }) : t("guard.default")}
          </span>
        }
      >
        <pre className="policy" tabIndex={0} aria-label={t("guard.policy")}>
          {view.policy}
        </pre>
      </Panel>
    </>
  );
}

interface ModeProps {
  view: Guard;
  may: boolean;
  onChange: (mode: Mode) => void;
}

function ModePanel({ view, may, onChange }: ModeProps) {
  const { modal } = App.useApp();
  const ask = (mode: Mode) =>
    void modal.confirm({
      title: t("guard.mode_sure", { mode: t(`guard_mode.${mode}`) }),
      content: t(`guard_mode_means.${mode}`),
      okText: t("guard.mode_change"),
      cancelText: t("command.back"),
      onOk: () => onChange(mode),
    });
  return (
    <Panel title={t("guard.mode")}>
      {may ? (
        <Choice<Mode>
          label={t("guard.mode")}
          value={view.mode as Mode}
          options={MODES.map((mode) => ({ value: mode, label: t(`guard_mode.${mode}`) }))}
          onChange={ask}
        />
      ) : (
        <b>{t(`guard_mode.${view.mode}`)}</b>
      )}
      <p className="quiet">{t(`guard_mode_means.${view.mode}`)}</p>
      {view.state && (
        <div className="figures">
          <Figure name={t("guard.judged")} value={format.count(view.state.judged)} />
          <Figure
            name={t("guard.denied")}
            value={format.count(view.state.denied)}
            tone={view.state.denied ? "warn" : undefined}
          />
          <Figure name={t("guard.learned")} value={format.count(view.state.learned)} />
          <Figure name={t("guard.presence")} value={view.state.presence || "—"} />
        </div>
      )}
    </Panel>
  );
}

interface LearnedProps {
  view: Guard;
  may: boolean;
  busy: boolean;
  onAccept: (policy: string) => void;
}

/**
 * What was done and the policy does not permit, rule by rule, as the change of the policy that it would be. Learning goes
 * on meanwhile: what somebody looks at stays as it is, and is what they accept, until they ask for the rest.
 */
function Learned({ view, may, busy, onAccept }: LearnedProps) {
  const [shown, setShown] = useState(view.proposed);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const chosen = shown.filter((rule) => !left.has(rule.id));
  const fresh = unseen(shown, view.proposed).length;
  if (shown.length === 0 && fresh > 0) setShown(view.proposed);
  if (shown.length === 0) {
    return (
      <Panel title={t("guard.learn")}>
        <Nothing title={t("guard.nothing_learned")}>
          <p>{t(view.mode === "enforce" ? "guard.nothing_enforced" : "guard.nothing_hint")}</p>
        </Nothing>
      </Panel>
    );
  }
  return (
    <Panel title={t("guard.learn")}>
      <p>{t("guard.learn_hint")}</p>
      {fresh > 0 && (
        <Alert
          type="info"
          showIcon
          title={t("guard.fresh", { count: format.count(fresh) })}
          action={
            <Button size="small" onClick={() => setShown(view.proposed)}>
              {t("guard.fresh_show")}
            </Button>
          }
        />
      )}
      {shown.map((rule) => (
        <div key={rule.id} className="learned-rule">
          <Checkbox
            checked={!left.has(rule.id)}
            disabled={!may}
            onChange={(event) => {
              const after = new Set(left);
              if (event.target.checked) after.delete(rule.id);
              else after.add(rule.id);
              setLeft(after);
            }}
          >
            <code>{rule.id}</code>
          </Checkbox>
        </div>
      ))}
      <Diff lines={proposedDiff(view.policy, chosen)} />
      {may && (
        <Popconfirm
          title={t("guard.accept_sure", { count: format.count(chosen.length) })}
          description={t("guard.accept_means")}
          onConfirm={() => onAccept(joined(view.policy, chosen))}
        >
          <Button type="primary" danger disabled={chosen.length === 0} loading={busy}>
            {t("guard.accept", { count: format.count(chosen.length) })}
          </Button>
        </Popconfirm>
      )}
    </Panel>
  );
}

function Diff({ lines }: { lines: DiffLine[] }) {
  return (
    <pre className="policy diff" tabIndex={0} aria-label={t("guard.diff")}>
      {lines.map(({ sign, text }, index) => (
        <span key={`${index} ${text}`} className={sign === "+" ? "added" : undefined}>
          {sign} {text}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
