/** What this installation is, and what its console is made of. */

import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { api, Problem, take } from "~/api/client";
import { useSystemStatus } from "~/api/queries";
import { Choice } from "~/parts/choice";
import { type Column, Grid } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

interface Licence {
  name: string;
  version: string;
  licence: string;
}

const PARTS = ["server", "console"] as const;
type Part = (typeof PARTS)[number];

// texts: system.part_*
export function About() {
  const [params, setParams] = useSearchParams();
  const system = useSystemStatus().data;
  const part = PARTS.find((each) => each === params.get("part")) ?? "server";
  const licences = useQuery({
    queryKey: ["licences", part],
    queryFn: () => listOf(part),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const columns: Column<Licence>[] = [
    { key: "name", title: t("system.package"), width: "minmax(220px, 1fr)", render: (row) => row.name },
    { key: "version", title: t("system.version"), width: "140px", render: (row) => row.version },
    { key: "licence", title: t("system.licence"), width: "minmax(160px, 1fr)", render: (row) => row.licence || "—" },
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
      <div className="toolbar">
        <Choice
          label={t("system.part")}
          value={part}
          options={PARTS.map((value) => ({ value, label: t(`system.part_${value}`) }))}
          onChange={(next) => setParams({ tab: "about", part: next }, { replace: true })}
        />
      </div>
      {licences.error && (
        <ProblemBox problem={licences.error as unknown as Problem} onRetry={() => void licences.refetch()} />
      )}
      <Grid
        label={t("system.licence")}
        columns={columns}
        rows={licences.data ?? []}
        rowKey={(row) => `${row.name} ${row.version}`}
        rowHeight={34}
        empty={
          licences.data && (
            <Nothing title={t("system.no_licences")}>
              <p>{t("system.no_licences_hint")}</p>
            </Nothing>
          )
        }
      />
    </>
  );
}

/** What the console is made of lies beside it as a file; what the server is made of, the server knows. */
async function listOf(part: Part): Promise<Licence[]> {
  if (part === "server") return (await take(api.GET("/api/v1/system/licences"))).items;
  const answer = await fetch("/licences.json");
  if (!answer.ok) throw new Problem(answer.status, "", `HTTP ${answer.status}`, "");
  return (await answer.json()) as Licence[];
}
