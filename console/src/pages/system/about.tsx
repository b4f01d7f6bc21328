/** What this installation is, and what its console is made of. */

import { useQuery } from "@tanstack/react-query";
import { useSystemStatus } from "~/api/queries";
import { type Column, Grid } from "~/parts/grid";
import { t } from "~/texts";

interface Licence {
  name: string;
  version: string;
  licence: string;
}

export function About() {
  const system = useSystemStatus().data;
  const licences = useQuery({
    queryKey: ["licences"],
    queryFn: async () => (await (await fetch("/licences.json")).json()) as Licence[],
    staleTime: Number.POSITIVE_INFINITY,
  });
  const columns: Column<Licence>[] = [
    { key: "name", title: t("system.package"), width: "minmax(220px, 1fr)", render: (row) => row.name },
    { key: "version", title: t("system.version"), width: "140px", render: (row) => row.version },
    { key: "licence", title: t("system.licence"), width: "minmax(160px, 1fr)", render: (row) => row.licence },
  ];
  return (
    <>
      <dl className="facts padded">
        <dt>Lineshaft 天轴</dt>
        <dd>{system?.version} · Apache-2.0</dd>
        <dt>{t("system.tenant")}</dt>
        <dd>{system?.tenant}</dd>
        <dt>{t("system.site")}</dt>
        <dd>{system?.site}</dd>
        <dt>{t("system.prefix")}</dt>
        <dd className="mono">{system?.prefix}</dd>
        <dt>{t("system.interface")}</dt>
        <dd>
          <a href="/api/docs">{t("system.interface_docs")}</a>
        </dd>
      </dl>
      <Grid
        label={t("system.licence")}
        columns={columns}
        rows={licences.data ?? []}
        rowKey={(row) => `${row.name} ${row.version}`}
        rowHeight={34}
      />
    </>
  );
}
