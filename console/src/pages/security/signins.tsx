/** By what somebody gets in: browsers, tokens, passkeys, external accounts, keys for the bus. No secret is shown. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm } from "antd";
import type { ReactNode } from "react";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

interface TableProps {
  title: string;
  heads: string[];
  none: string;
  rows: { key: string; cells: ReactNode[] }[];
}

function Table({ title, heads, none, rows }: TableProps) {
  return (
    <Panel title={title}>
      {rows.length === 0 ? (
        <p className="quiet flat">{none}</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={title}>
          <table className="plain-table">
            <thead>
              <tr>
                {heads.map((head, place) => (
                  <th key={head || place}>{head}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.key}>
                  {row.cells.map((cell, place) => (
                    <td key={heads[place] || place}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

export function SignIns({ who }: { who: Schemas["PrincipalView"] }) {
  const ways = useQuery({
    queryKey: ["sign-ins", who.name],
    queryFn: () => take(api.GET("/api/v1/access/principals/{name}/sign-ins", { params: { path: { name: who.name } } })),
  });
  if (!ways.data)
    return ways.error ? (
      <ProblemBox problem={ways.error as unknown as Problem} onRetry={() => void ways.refetch()} />
    ) : null;
  const { sessions, passkeys, identities, credentials } = ways.data;
  const person = who.kind === "person";
  return (
    <>
      {person && (
        <Table
          title={t("principal.sessions")}
          heads={[t("principal.from"), t("principal.since"), t("principal.seen"), t("security.until")]}
          none={t("principal.no_sessions")}
          rows={sessions.map((each) => ({
            key: each.id,
            cells: [
              <span key="a" className="mono">
                {each.address}
              </span>,
              format.dateTime(each.created),
              format.dateTime(each.seen),
              format.dateTime(each.expires),
            ],
          }))}
        />
      )}
      <Tokens name={who.name} />
      {person && (
        <Table
          title={t("principal.passkeys")}
          heads={[t("security.name"), t("principal.since"), t("principal.used")]}
          none={t("principal.no_passkeys")}
          rows={[
            ...passkeys.map((each) => ({
              key: each.id,
              cells: [each.label, format.dateTime(each.created), format.dateTime(each.used)],
            })),
            ...identities.map((each) => ({
              key: each.id,
              cells: [`${each.issuer} · ${each.subject}`, format.dateTime(each.created), format.dateTime(each.used)],
            })),
          ]}
        />
      )}
      {!person && (
        <Table
          title={t("principal.credentials")}
          heads={[t("principal.key"), t("principal.since"), t("security.state")]}
          none={t("principal.no_credentials")}
          rows={credentials.map((each) => ({
            key: each.key,
            cells: [
              <code key="k">{each.key}</code>,
              format.dateTime(each.issued),
              each.revoked ? (
                <span key="s" className="chip bad">
                  {t("security.revoked")} {format.dateTime(each.revoked)}
                </span>
              ) : (
                <span key="s" className="chip good">
                  {t("security.active")}
                </span>
              ),
            ],
          }))}
        />
      )}
    </>
  );
}

function Tokens({ name }: { name: string }) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const tokens = useQuery({
    queryKey: ["tokens-of", name],
    queryFn: () => take(api.GET("/api/v1/access/tokens", { params: { query: { name } } })),
  });
  const end = useMutation({
    mutationFn: (token: string) => take(api.DELETE("/api/v1/access/tokens/{token}", { params: { path: { token } } })),
    onError: (problem) => message.error(problem.message),
    onSettled: () => client.invalidateQueries({ queryKey: ["tokens-of", name] }),
  });
  return (
    <Table
      title={t("principal.tokens")}
      heads={[t("security.name"), t("principal.scopes"), t("principal.used"), t("security.until"), ""]}
      none={t("principal.no_tokens")}
      rows={(tokens.data?.items ?? []).map((each) => ({
        key: each.id,
        cells: [
          each.label,
          <span key="s" className="quiet">
            {each.scopes.join(" ")}
          </span>,
          format.dateTime(each.used),
          format.dateTime(each.expires),
          <Popconfirm
            key="e"
            title={t("principal.token_sure", { label: each.label })}
            onConfirm={() => end.mutate(each.id)}
          >
            <Button size="small" danger>
              {t("principal.token_end")}
            </Button>
          </Popconfirm>,
        ],
      }))}
    />
  );
}
