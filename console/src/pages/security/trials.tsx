/** Test cases of policies: who does what on which object, and what must come out. Kept by this browser for each person and policy. */

import { useMutation } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { useState } from "react";
import { api, type Problem, take } from "~/api/client";
import { useSession } from "~/app/session";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

const EXAMPLE = [
  "[[case]]",
  'name = "an operator may change the speed of the demonstration"',
  'principal = { roles = ["operator"] }',
  'action = "demo:control"',
  'resource = { id = "*" }',
  'expect = "allow"',
  "",
  "[[case]]",
  'name = "a viewer may not"',
  'principal = { roles = ["viewer"] }',
  'action = "demo:control"',
  'expect = "deny"',
  "",
].join("\n");

const keyOf = (person: string, name: string) => `lineshaft.policy-tests.${person}.${name}`;

function kept(key: string): string {
  try {
    return localStorage.getItem(key) ?? EXAMPLE;
  } catch {
    return EXAMPLE; // storage may be switched off
  }
}

function keep(key: string, cases: string): void {
  try {
    localStorage.setItem(key, cases);
  } catch {
    // then they last as long as the page
  }
}

/** `text` is tried in the place of what is in force under the name; undefined: what is in force is tried. */
export function Trials({ name, text }: { name: string; text: string | undefined }) {
  const key = keyOf(useSession()?.id ?? "", name);
  const [cases, setCases] = useState(() => kept(key));
  const trial = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/access/policies:test", { body: { cases, name, ...(text === undefined ? {} : { text }) } }),
      ),
  });
  const failed = trial.data?.items.filter((item) => !item.passed).length ?? 0;
  return (
    <div className="trials">
      <Input.TextArea
        className="mono"
        rows={14}
        value={cases}
        spellCheck={false}
        aria-label={t("trial.cases")}
        onChange={(event) => {
          setCases(event.target.value);
          keep(key, event.target.value);
          trial.reset();
        }}
      />
      <div>
        <div className="toolbar flat-bar">
          <Button type="primary" onClick={() => trial.mutate()} loading={trial.isPending}>
            {t("trial.run")}
          </Button>
          <span role="status">
            {trial.data && (
              <span className={`chip ${trial.data.passed ? "good" : "bad"}`}>
                {trial.data.passed
                  ? t("trial.all_passed", { count: trial.data.items.length })
                  : t("trial.some_failed", { failed, count: trial.data.items.length })}
              </span>
            )}
          </span>
        </div>
        {trial.error && <ProblemBox problem={trial.error as unknown as Problem} />}
        {trial.data ? (
          <table className="plain-table">
            <tbody>
              {trial.data.items.map((item) => (
                <tr key={item.case}>
                  <td>
                    <span className={`chip ${item.passed ? "good" : "bad"}`}>
                      {t(item.passed ? "trial.passed" : "trial.failed")}
                    </span>
                  </td>
                  <td>
                    <b>{item.case}</b>
                    {!item.passed && <div>{t("trial.expected", { expected: item.expected, got: item.got })}</div>}
                    <div className="quiet">{item.reason}</div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <p className="quiet">{t("trial.help")}</p>
        )}
      </div>
    </div>
  );
}
