/** Certificates that devices' servers showed to a gateway: trusted ones, and those it turned away. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Popconfirm, Select } from "antd";
import { useSearchParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

type Known = Schemas["KnownCertificate"];

export function Trust() {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [params, setParams] = useSearchParams();
  const gateways = useQuery({ queryKey: ["gateways"], queryFn: () => take(api.GET("/api/v1/edge/gateways")) });
  const gateway = params.get("gateway") ?? gateways.data?.items[0]?.name ?? "gateway";
  const query = { gateway };
  const known = useQuery({
    queryKey: ["device-certificates", gateway],
    queryFn: () => take(api.GET("/api/v1/edge/certificates", { params: { query } })),
    refetchInterval: 10_000,
    retry: false,
  });
  const change = useMutation({
    mutationFn: ({ fingerprint, trusted }: { fingerprint: string; trusted: boolean }) => {
      const how = { params: { path: { fingerprint }, query } };
      return trusted
        ? take(api.PUT("/api/v1/edge/certificates/{fingerprint}/trust", how))
        : take(api.DELETE("/api/v1/edge/certificates/{fingerprint}/trust", how));
    },
    onError: (problem) => message.error(problem.message),
    onSettled: () => client.invalidateQueries({ queryKey: ["device-certificates"] }),
  });
  const columns: Column<Known>[] = [
    {
      key: "subject",
      title: t("trust_of.subject"),
      width: "minmax(200px, 1.4fr)",
      render: (row) => <b title={row.subject}>{row.subject || "—"}</b>,
    },
    {
      key: "uri",
      title: t("trust_of.application"),
      width: "minmax(180px, 1.4fr)",
      render: (row) => <span title={row.application_uri}>{row.application_uri || "—"}</span>,
    },
    {
      key: "state",
      title: t("security.state"),
      width: "120px",
      render: (row) => (
        <span className={`chip ${row.trusted ? "good" : "bad"}`}>
          {t(row.trusted ? "trust_of.trusted" : "trust_of.rejected")}
        </span>
      ),
    },
    { key: "until", title: t("security.until"), width: "180px", render: (row) => format.dateTime(row.expires) },
    {
      key: "fingerprint",
      title: t("security.fingerprint"),
      width: "minmax(480px, 2fr)",
      render: (row) => <code>{row.fingerprint}</code>,
    },
    {
      key: "act",
      title: "",
      width: "150px",
      render: (row) => (
        <Popconfirm
          title={t(row.trusted ? "trust_of.end_sure" : "trust_of.sure")}
          description={<code>{row.fingerprint}</code>}
          onConfirm={() => change.mutate({ fingerprint: row.fingerprint, trusted: !row.trusted })}
        >
          <Button size="small" type={row.trusted ? "default" : "primary"} danger={row.trusted}>
            {t(row.trusted ? "trust_of.end" : "trust_of.trust")}
          </Button>
        </Popconfirm>
      ),
    },
  ];
  return (
    <>
      <div className="toolbar">
        <Select
          className="field"
          value={gateway}
          aria-label={t("trust_of.gateway")}
          options={(gateways.data?.items ?? [{ name: gateway }]).map(({ name }) => ({ value: name, label: name }))}
          onChange={(name) => setParams({ tab: "trust", gateway: name })}
        />
        <span className="quiet">{t("trust_of.help")}</span>
      </div>
      {known.error ? (
        <div className="padded">
          <ProblemBox problem={known.error as unknown as Problem} onRetry={() => void known.refetch()} />
        </div>
      ) : (
        <Grid
          label={t("security.trust")}
          columns={columns}
          rows={known.data?.certificates ?? []}
          rowKey={(row) => row.fingerprint}
          empty={
            known.isSuccess && (
              <Nothing title={t("trust_of.none")}>
                <p>{t("trust_of.none_hint")}</p>
              </Nothing>
            )
          }
        />
      )}
    </>
  );
}
