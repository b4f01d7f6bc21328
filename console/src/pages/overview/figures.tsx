/** The installation in a row of figures, each marked where it could not be asked for again. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, take } from "~/api/client";
import { useDevices, useHistoryStats, useHistoryStatus, useLedger, useSystemStatus } from "~/api/queries";
import { useMay, useSession } from "~/app/session";
import { useNow } from "~/live";
import * as format from "~/parts/format";
import { Figure } from "~/parts/page";
import { t } from "~/texts";
import { since } from "./since";

const NODES_EVERY_MS = 15_000;
/** Nodes are the installation's: they are there for members of its own project. */
const MAIN_PROJECT = "main";

export function Figures({ drawn }: { drawn: number }) {
  const devices = useDevices("", drawn).data?.total;
  const system = useSystemStatus();
  const status = useHistoryStatus();
  const stored = useHistoryStats();
  const ledger = useLedger();
  const now = useNow();
  const history = status.data;
  const stats = stored.data;
  const well = system.data?.services.filter((service) => service.ok).length ?? 0;
  const log = ledger.data?.items.find((each) => each.log === "audit") ?? ledger.data?.items[0];
  const age = log ? (now / 1000 - Date.parse(log.signed)) / 1000 : undefined;
  const samples = (stats?.rows ?? 0) + (stats?.hot_rows ?? 0);
  return (
    <div className="figures">
      <Figure
        name={t("overview.health")}
        since={since(system)}
        tone={system.data ? (system.data.ok ? "good" : "bad") : undefined}
        value={system.data ? t(system.data.ok ? "overview.well" : "overview.unwell") : "—"}
        note={system.data && t("overview.services", { well, total: system.data.services.length })}
      />
      <Figure
        name={t("overview.rate")}
        since={since(status)}
        value={history?.rate === undefined ? "—" : format.number(history.rate, 3)}
        unit={t("overview.per_second")}
        note={history && t("overview.total", { count: format.count(history.rows_total) })}
      />
      <Figure
        name={t("overview.tags")}
        since={since(status)}
        value={history ? format.count(history.tags) : "—"}
        note={devices === undefined ? undefined : t("overview.on_devices", { count: format.count(devices) })}
      />
      <Figure
        name={t("overview.storage")}
        since={since(stored)}
        value={stats ? format.bytes(stats.bytes + stats.rollup_bytes) : "—"}
        note={
          stats &&
          t("overview.samples", { count: format.count(samples), each: stats.bytes_per_sample?.toFixed(2) ?? "—" })
        }
      />
      <Figure
        name={t("overview.waiting")}
        since={since(status)}
        tone={history?.trouble ? "bad" : undefined}
        value={history ? format.count(history.hot_rows) : "—"}
        note={
          history?.trouble ||
          (history && t("overview.waiting_note", { bytes: format.bytes(history.hot_bytes), gaps: history.gaps }))
        }
      />
      <Figure
        name={t("overview.ledger")}
        since={since(ledger)}
        value={age === undefined ? "—" : format.age(age)}
        note={log && t("overview.ledger_note", { size: format.count(log.size) })}
      />
      <Nodes />
    </div>
  );
}

/** How many nodes of the number spaces answer; nothing where there is none to watch. */
function Nodes() {
  const may = useMay();
  const projects = useSession()?.projects;
  const nodes = useQuery({
    queryKey: ["resolution", "nodes"],
    queryFn: () => take(api.GET("/api/v1/resolution/nodes")),
    refetchInterval: NODES_EVERY_MS,
    enabled: may("resolution:read") && (!projects || projects.includes(MAIN_PROJECT)),
  });
  // Of a node without HTTP nobody can say whether it answers.
  const watched = nodes.data?.items.filter((node) => node.up !== null) ?? [];
  if (watched.length === 0) return null;
  const up = watched.filter((node) => node.up).length;
  const all = up === watched.length;
  return (
    <Figure
      name={t("overview.nodes")}
      since={since(nodes)}
      tone={all ? "good" : "bad"}
      value={`${format.count(up)} / ${format.count(watched.length)}`}
      note={<Link to="/identifiers?tab=nodes">{t("overview.to_nodes")}</Link>}
    />
  );
}
