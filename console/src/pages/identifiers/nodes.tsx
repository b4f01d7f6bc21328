/** The nodes that are known here, as a tree with what each does now; asked again while somebody looks. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useRef } from "react";
import { api, type Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import { Figure, Nothing, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { Sparkline } from "~/parts/sparkline";
import { t } from "~/texts";
import { type Branch, type NodeView, prefixesOf, toneOf, treeOf } from "./tree";

const Drawing = lazy(() => import("./drawing"));

const REFRESH_MS = 2500;
/** Readings of each node's rate that are kept for its line. */
const KEPT = 60;

type Rates = ReadonlyMap<string, readonly (number | null)[]>;

/** The rates of each node while this page is open, the newest last. */
function useRates(branches: readonly Branch[], at: number): Rates {
  const kept = useRef<{ at: number; rates: Rates }>({ at: 0, rates: new Map() });
  if (at !== kept.current.at) {
    const next = new Map<string, readonly (number | null)[]>();
    for (const { key, node } of branches)
      next.set(key, [...(kept.current.rates.get(key) ?? []), node.load?.requests_per_second ?? null].slice(-KEPT));
    kept.current = { at, rates: next };
  }
  return kept.current.rates;
}

export function Nodes() {
  const nodes = useQuery({
    queryKey: ["resolution", "nodes"],
    queryFn: () => take(api.GET("/api/v1/resolution/nodes")),
    refetchInterval: REFRESH_MS,
    refetchIntervalInBackground: false,
  });
  const branches = useMemo(() => treeOf(nodes.data?.items ?? []), [nodes.data]);
  const rates = useRates(branches, nodes.dataUpdatedAt);
  const problem = nodes.error && (
    <ProblemBox problem={nodes.error as unknown as Problem} onRetry={() => void nodes.refetch()} />
  );
  if (!nodes.data) return problem ?? <div className="loading" />;
  if (branches.length === 0)
    return (
      <Panel>
        <Nothing title={t("nodes.none")}>
          <p>{t("nodes.none_hint")}</p>
          <code>lineshaft id tree</code>
        </Nothing>
      </Panel>
    );
  return (
    <div className="columns">
      {problem}
      <Totals nodes={nodes.data.items} />
      <Panel className="flush node-picture">
        <Suspense fallback={<div className="loading" />}>
          <Drawing branches={branches} />
        </Suspense>
      </Panel>
      <Panel title={t("nodes.title")}>
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t("nodes.title")}>
          <table className="plain-table nodes-table">
            <thead>
              <tr>
                <th>{t("nodes.node")}</th>
                <th>{t("nodes.health")}</th>
                <th className="number">{t("nodes.rate")}</th>
                <th>{t("nodes.course")}</th>
                <th className="number">p95</th>
                <th className="number">{t("nodes.cache")}</th>
                <th className="number">{t("nodes.records")}</th>
                <th className="number">{t("nodes.missing")}</th>
                <th>{t("nodes.addresses")}</th>
              </tr>
            </thead>
            <tbody>
              {branches.map((branch) => (
                <Row key={branch.key} branch={branch} rates={rates.get(branch.key) ?? []} />
              ))}
            </tbody>
          </table>
        </div>
        <p className="quiet flat">{t("nodes.p95_note")}</p>
      </Panel>
    </div>
  );
}

function Totals({ nodes }: { nodes: NodeView[] }) {
  const asked = nodes.filter((node) => node.up !== null);
  const up = asked.filter((node) => node.up).length;
  const loads = nodes.flatMap((node) => (node.load ? [node.load] : []));
  const rates = loads.flatMap((load) => (load.requests_per_second === null ? [] : [load.requests_per_second]));
  const alarms = loads.reduce((sum, load) => sum + load.alarms, 0);
  return (
    <div className="figures">
      <Figure
        name={t("nodes.up")}
        value={`${up} / ${asked.length}`}
        tone={up === asked.length ? "good" : "bad"}
        note={up === asked.length ? t("nodes.all_up") : t("nodes.some_down")}
      />
      <Figure
        name={t("nodes.rate")}
        value={
          rates.length
            ? format.number(
                rates.reduce((sum, rate) => sum + rate, 0),
                3,
              )
            : "—"
        }
        unit="/s"
        note={t("nodes.rate_note")}
      />
      <Figure name={t("nodes.records")} value={format.count(loads.reduce((sum, load) => sum + load.records, 0))} />
      <Figure
        name={t("nodes.alarms")}
        value={format.count(alarms)}
        tone={alarms ? "warn" : undefined}
        note={t(alarms ? "nodes.alarms_note" : "nodes.no_alarms")}
      />
    </div>
  );
}

// texts: node_role.*
export function rolesOf(node: NodeView): string {
  return node.roles.map((role) => t(`node_role.${role.replaceAll("-", "_")}`)).join(" · ");
}

export function nameOf(node: NodeView): string {
  return prefixesOf(node).join(", ") || rolesOf(node) || node.address;
}

// texts: node_known.*
function Row({ branch: { node, depth }, rates }: { branch: Branch; rates: readonly (number | null)[] }) {
  const load = node.load;
  return (
    <tr>
      <td>
        <div className={`node-name depth-${Math.min(depth, 4)}`}>
          <b className="mono">{nameOf(node)}</b>
          <div className="quiet">
            {[rolesOf(node), t(`node_known.${node.known}`), node.primary ? "" : t("value_data.mirror")]
              .filter(Boolean)
              .join(" · ")}
          </div>
        </div>
      </td>
      <td>
        <span className={`chip ${toneOf(node)}`}>
          <span className={`dot ${toneOf(node)}`} />
          {t(node.up === null ? "nodes.unasked" : node.up ? "nodes.answers" : "nodes.silent")}
        </span>
        {node.problem && <div className="quiet node-trouble">{node.problem}</div>}
        {node.checks.map((check) => (
          <div key={check.name} className={check.ok ? "quiet node-trouble" : "bad-text node-trouble"}>
            {check.name}: {check.detail}
          </div>
        ))}
      </td>
      <td className="number">{load?.requests_per_second == null ? "—" : format.number(load.requests_per_second, 3)}</td>
      <td className="node-course">
        <Sparkline spark={{ values: rates }} label={t("nodes.course")} />
      </td>
      <td className="number">
        {node.p95_milliseconds === null ? "—" : `${format.number(node.p95_milliseconds, 3)} ms`}
      </td>
      <td className="number">{load?.cache_share == null ? "—" : `${format.number(load.cache_share * 100, 3)} %`}</td>
      <td className="number">{load ? format.count(load.records || load.kept) : "—"}</td>
      <td className="number">{load ? format.count(load.missing) : "—"}</td>
      <td className="mono quiet">
        {node.listens.length > 0 ? node.listens.map((each) => <div key={each}>{each}</div>) : node.address}
      </td>
    </tr>
  );
}
