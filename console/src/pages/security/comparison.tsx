/** What a text changes: its lines, and the decisions that come out otherwise. */

import { useQuery } from "@tanstack/react-query";
import { Skeleton } from "antd";
import { useMemo } from "react";
import { api, type Problem, take } from "~/api/client";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { difference, hunks } from "./diff";

export function Comparison({ name, before, text }: { name: string; before: string; text: string }) {
  const lines = useMemo(() => hunks(difference(before, text)), [before, text]);
  const changes = useQuery({
    queryKey: ["policy-changes", name, text],
    queryFn: () => take(api.POST("/api/v1/access/policies:compare", { body: { name, text } })),
    enabled: before !== text,
    retry: false,
  });
  if (before === text) return <p className="quiet">{t("policy.same")}</p>;
  return (
    <div className="comparison">
      <pre className="difference" tabIndex={0} aria-label={t("policy.difference")}>
        {lines.map((line, place) =>
          line ? (
            <div key={place} className={line.sign === "+" ? "added" : line.sign === "-" ? "gone" : undefined}>
              {line.sign} {line.text}
            </div>
          ) : (
            <div key={place} className="quiet">
              …
            </div>
          ),
        )}
      </pre>
      <h3>{t("policy.decisions")}</h3>
      {changes.isFetching && <Skeleton active title={false} />}
      {changes.error && !changes.isFetching && <ProblemBox problem={changes.error as unknown as Problem} />}
      {changes.data && changes.data.items.length === 0 && <p className="quiet">{t("policy.no_changes")}</p>}
      {changes.data && changes.data.items.length > 0 && <Changes items={changes.data.items} />}
    </div>
  );
}

// texts: ruling.*
function Ruling({ text }: { text: string }) {
  const [answer = "", ...duties] = text.split(" ");
  return (
    <>
      <span className={`chip ${answer === "allow" ? "good" : "bad"}`}>{t(`ruling.${answer}`)}</span>{" "}
      <span className="quiet">{duties.join(" ")}</span>
    </>
  );
}

interface Change {
  who: string;
  action: string;
  from_zone: string;
  to_zone: string;
  before: string;
  after: string;
}

function Changes({ items }: { items: readonly Change[] }) {
  const zones = items.some((item) => item.from_zone || item.to_zone);
  return (
    <div className="table-scroll">
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("security.who")}</th>
            <th>{t("security.action")}</th>
            {zones && <th>{t("policy.zones")}</th>}
            <th>{t("policy.now")}</th>
            <th>{t("policy.then")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={`${item.who} ${item.action} ${item.from_zone} ${item.to_zone}`}>
              <td>{item.who}</td>
              <td>
                <code>{item.action}</code>
              </td>
              {zones && (
                <td>
                  {item.from_zone || "—"} → {item.to_zone || "—"}
                </td>
              )}
              <td>
                <Ruling text={item.before} />
              </td>
              <td>
                <Ruling text={item.after} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
