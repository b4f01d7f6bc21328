/** Certificates of the installation's own authority: whose, until when, revoked or not. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Drawer, Input, Modal, Select, Typography } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { principalPath } from "./principals";

type Certificate = Schemas["CertificateView"];

/** Below this share of its life that is left, a certificate is about to end. */
const SOON = 0.25;
const AUTHORITIES = new Set(["root", "issuing"]);
const REASONS = ["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"] as const;

function toneOf(row: Certificate): "good" | "warn" | "bad" {
  const ends = Date.parse(row.not_after);
  if (row.revoked || ends < Date.now()) return "bad";
  return ends - Date.now() < SOON * (ends - Date.parse(row.not_before)) ? "warn" : "good";
}

export function Certificates() {
  const [params, setParams] = useSearchParams();
  const name = params.get("name") ?? undefined;
  const shown = params.get("certificate");

  function change(next: { name?: string; certificate?: string }): void {
    const given = Object.entries({ tab: "certificates", ...next }).filter(([, value]) => value);
    setParams(Object.fromEntries(given));
  }

  const open = (row: Certificate) => change({ name, certificate: row.fingerprint });
  const columns: Column<Certificate>[] = [
    {
      key: "name",
      title: t("security.name"),
      width: "minmax(140px, 1fr)",
      render: (row) => (
        <Button type="link" size="small" className="cell-link" onClick={() => open(row)}>
          <b>{row.name ?? row.profile}</b>
        </Button>
      ),
    },
    { key: "profile", title: t("security.profile"), width: "120px", render: (row) => row.profile },
    { key: "suite", title: t("security.suite"), width: "90px", render: (row) => row.suite },
    {
      key: "until",
      title: t("security.until"),
      width: "190px",
      render: (row) => <span className={`chip ${toneOf(row)}`}>{format.dateTime(row.not_after)}</span>,
    },
    {
      key: "revoked",
      title: t("security.revoked"),
      width: "minmax(200px, 1fr)",
      render: (row) => (row.revoked ? `${format.dateTime(row.revoked)} ${row.reason}` : "—"),
    },
    {
      key: "fingerprint",
      title: t("security.fingerprint"),
      width: "minmax(480px, 2fr)",
      render: (row) => <code>{row.fingerprint}</code>,
    },
  ];
  return (
    <>
      <div className="toolbar">
        <Input.Search
          className="field"
          allowClear
          defaultValue={name}
          key={name ?? ""}
          placeholder={t("security.name")}
          aria-label={t("security.name")}
          onSearch={(wanted) => change({ name: wanted.trim() })}
        />
      </div>
      <Paged
        label={t("security.certificates")}
        queryKey={["certificates", name]}
        columns={columns}
        rowKey={(row) => row.fingerprint}
        onOpen={open}
        fetch={(cursor) =>
          take(api.GET("/api/v1/access/certificates", { params: { query: { cursor, name, limit: 200 } } }))
        }
        empty={<Nothing title={t("certificate.none")} />}
      />
      {shown && <Details fingerprint={shown} onClose={() => change({ name })} />}
    </>
  );
}

function Details({ fingerprint, onClose }: { fingerprint: string; onClose: () => void }) {
  const certificate = useQuery({
    queryKey: ["certificates", "one", fingerprint],
    queryFn: () => take(api.GET("/api/v1/access/certificates/{fingerprint}", { params: { path: { fingerprint } } })),
    retry: false,
  });
  const found = certificate.data;
  return (
    <Drawer open onClose={onClose} title={found?.name ?? found?.profile ?? t("security.certificates")} size={560}>
      {certificate.error && <ProblemBox problem={certificate.error as unknown as Problem} />}
      {found && <Facts certificate={found} />}
    </Drawer>
  );
}

function Facts({ certificate }: { certificate: Certificate }) {
  const [revoking, setRevoking] = useState(false);
  const own = AUTHORITIES.has(certificate.profile);
  return (
    <>
      <dl className="facts">
        <dt>{t("security.profile")}</dt>
        <dd>{certificate.profile}</dd>
        {certificate.name && (
          <>
            <dt>{t("security.who")}</dt>
            <dd>
              <Link to={principalPath(certificate.name)}>{certificate.name}</Link>
            </dd>
          </>
        )}
        <dt>{t("certificate.from")}</dt>
        <dd>{format.dateTime(certificate.not_before)}</dd>
        <dt>{t("security.until")}</dt>
        <dd>
          <span className={`chip ${toneOf(certificate)}`}>{format.dateTime(certificate.not_after)}</span>
        </dd>
        <dt>{t("certificate.serial")}</dt>
        <dd className="mono">{certificate.serial}</dd>
        <dt>{t("security.fingerprint")}</dt>
        <dd className="mono">{certificate.fingerprint}</dd>
        {certificate.revoked && (
          <>
            <dt>{t("security.revoked")}</dt>
            <dd>
              {format.dateTime(certificate.revoked)} {certificate.reason}
            </dd>
          </>
        )}
      </dl>
      <Typography.Paragraph copyable={{ text: certificate.pem }} className="pem">
        <pre tabIndex={0}>{certificate.pem}</pre>
      </Typography.Paragraph>
      {!certificate.revoked && !own && (
        <Button danger onClick={() => setRevoking(true)}>
          {t("certificate.revoke")}
        </Button>
      )}
      {revoking && <Revoking certificate={certificate} onClose={() => setRevoking(false)} />}
    </>
  );
}

interface RevokingProps {
  certificate: Certificate;
  onClose: () => void;
}

// texts: reason.*
function Revoking({ certificate, onClose }: RevokingProps) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [reason, setReason] = useState<(typeof REASONS)[number]>("unspecified");
  const revoke = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/access/certificates/{fingerprint}/revoke", {
          params: { path: { fingerprint: certificate.fingerprint } },
          body: { reason },
        }),
      ),
    onSuccess: async () => {
      message.success(t("certificate.revoked"));
      await client.invalidateQueries({ queryKey: ["certificates"] });
      onClose();
    },
    onError: (problem) => message.error(problem.message),
  });
  return (
    <Modal
      open
      title={t("certificate.sure", { name: certificate.name ?? certificate.fingerprint.slice(0, 16) })}
      okText={t("certificate.revoke")}
      okButtonProps={{ danger: true, loading: revoke.isPending }}
      onOk={() => revoke.mutate()}
      onCancel={onClose}
    >
      <Alert type="warning" showIcon title={t("certificate.warning")} />
      <p className="form-label">{t("security.reason")}</p>
      <Select
        className="wide-field"
        value={reason}
        aria-label={t("security.reason")}
        options={REASONS.map((value) => ({ value, label: t(`reason.${value}`) }))}
        onChange={setReason}
      />
    </Modal>
  );
}
