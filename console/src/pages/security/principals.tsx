/** People, services, devices and apps; each has a page. */

import { useNavigate } from "react-router";
import { Link } from "react-router";
import { api, type Schemas, take } from "~/api/client";
import type { Column } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { roleWords } from "~/parts/roles";
import { t } from "~/texts";

type Principal = Schemas["PrincipalView"];

export const principalPath = (name: string) => `/security/principals/${encodeURIComponent(name)}`;

// texts: kind.*
export function Principals() {
  const navigate = useNavigate();
  const columns: Column<Principal>[] = [
    {
      key: "name",
      title: t("security.name"),
      width: "minmax(160px, 1fr)",
      render: (row) => (
        <Link to={principalPath(row.name)}>
          <b>{row.name}</b>
        </Link>
      ),
    },
    { key: "kind", title: t("security.kind"), width: "110px", render: (row) => t(`kind.${row.kind}`) },
    {
      key: "roles",
      title: t("security.roles"),
      width: "minmax(160px, 1fr)",
      render: (row) => roleWords(row.roles),
    },
    {
      key: "projects",
      title: t("security.projects"),
      width: "minmax(120px, 1fr)",
      render: (row) => row.projects?.join(", ") ?? t("security.all"),
    },
    { key: "zone", title: t("security.zone"), width: "110px", render: (row) => row.zone || "—" },
    { key: "clearance", title: t("security.clearance"), width: "110px", number: true, render: (row) => row.clearance },
    {
      key: "state",
      title: t("security.state"),
      width: "120px",
      render: (row) => (
        <span className={row.revoked ? "chip bad" : "chip good"}>
          {t(row.revoked ? "security.revoked" : "security.active")}
        </span>
      ),
    },
    { key: "id", title: t("security.handle"), width: "minmax(320px, 1.4fr)", render: (row) => <code>{row.id}</code> },
  ];
  return (
    <Paged
      label={t("security.principals")}
      queryKey={["principals"]}
      columns={columns}
      rowKey={(row) => row.id}
      onOpen={(row) => navigate(principalPath(row.name))}
      fetch={(cursor) => take(api.GET("/api/v1/access/principals", { params: { query: { cursor, limit: 200 } } }))}
      empty={
        <Nothing title={t("security.no_principals")}>
          <p>
            <Link to="/system?tab=users">{t("security.no_principals_hint")}</Link>
          </p>
        </Nothing>
      }
    />
  );
}
