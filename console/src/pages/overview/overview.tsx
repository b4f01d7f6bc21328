/** The whole plant at a glance: is it well, what comes in, what needs somebody. */

import { useQueryClient } from "@tanstack/react-query";
import { Alert } from "antd";
import { lazy, Suspense, useCallback } from "react";
import { useSearchParams } from "react-router";
import type { Problem } from "~/api/client";
import {
  useDeviceStates,
  useDevices,
  useGatewayStatus,
  useHistoryStats,
  useHistoryStatus,
  useLedger,
  useSystemStatus,
} from "~/api/queries";
import { useNow } from "~/live";
import * as format from "~/parts/format";
import { Figure, Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { Attention, useTroubles } from "./attention";
import "./flow.css";
import { PlantTree } from "./tree";

/** Begun with the page, not after its first drawing. */
const flow = import("./flow");
const Flow = lazy(() => flow);

/** Devices that are drawn; how many more there are is said beside them. */
const MOST_DRAWN = 8;
const GATEWAY = "gateway";
const NONE: never[] = [];

/** The part of the plant that is drawn stands in the address. */
function useChosen(): [string, (path: string) => void] {
  const [params, setParams] = useSearchParams();
  const choose = useCallback((path: string) => setParams(path ? { below: path } : {}, { replace: true }), [setParams]);
  return [params.get("below") ?? "", choose];
}

export default function Overview() {
  const system = useSystemStatus();
  const [chosen, choose] = useChosen();
  const devices = useDevices(chosen, MOST_DRAWN);
  const drawn = devices.data?.items ?? NONE;
  const own = drawn.filter((device) => device.gateway === GATEWAY).map((device) => device.name);
  const gateway = useGatewayStatus(GATEWAY, own, own.length > 0);
  const states = useDeviceStates(drawn);
  const attention = useTroubles(system.data);
  const client = useQueryClient();
  const needed = attention.total > 0;

  if (system.error && !system.data) {
    return (
      <div className="page">
        <ProblemBox problem={system.error as Problem} onRetry={() => void client.invalidateQueries()} />
      </div>
    );
  }
  return (
    <div className="page">
      <PageHead
        title={t("overview.title")}
        sub={
          system.data &&
          t("overview.of", { site: system.data.site, prefix: system.data.prefix, version: system.data.version })
        }
      />
      <Figures />
      {needed && <Attention {...attention} />}
      <div className="overview-grid">
        <Panel title={t("overview.plant")} className="overview-tree">
          <PlantTree chosen={chosen} onChoose={choose} />
        </Panel>
        <Panel title={t("overview.flow")} className="overview-flow flush">
          {devices.data && drawn.length === 0 ? (
            <Nothing title={t("overview.no_devices")}>
              <p>{t("overview.no_devices_hint")}</p>
              <code>lineshaft device add</code>
            </Nothing>
          ) : (
            <Suspense fallback={<div className="flow" />}>
              <Flow
                devices={drawn}
                total={devices.data?.total ?? 0}
                below={chosen}
                states={states}
                system={system.data}
                gateway={gateway.data}
              />
            </Suspense>
          )}
        </Panel>
      </div>
      {gateway.error && <Alert type="warning" showIcon title={(gateway.error as unknown as Problem).message} />}
      {!needed && <Attention {...attention} />}
    </div>
  );
}

function Figures() {
  const devices = useDevices("", MOST_DRAWN).data?.total;
  const system = useSystemStatus().data;
  const history = useHistoryStatus().data;
  const stats = useHistoryStats().data;
  const ledger = useLedger().data;
  const now = useNow();
  const well = system?.services.filter((service) => service.ok).length ?? 0;
  const log = ledger?.items.find((each) => each.log === "audit") ?? ledger?.items[0];
  const age = log ? (now / 1000 - Date.parse(log.signed)) / 1000 : undefined;
  const samples = (stats?.rows ?? 0) + (stats?.hot_rows ?? 0);
  return (
    <div className="figures">
      <Figure
        name={t("overview.health")}
        tone={system ? (system.ok ? "good" : "bad") : undefined}
        value={system ? t(system.ok ? "overview.well" : "overview.unwell") : "—"}
        note={system && t("overview.services", { well, total: system.services.length })}
      />
      <Figure
        name={t("overview.rate")}
        value={history?.rate === undefined ? "—" : format.number(history.rate, 3)}
        unit={t("overview.per_second")}
        note={history && t("overview.total", { count: format.count(history.rows_total) })}
      />
      <Figure
        name={t("overview.tags")}
        value={history ? format.count(history.tags) : "—"}
        note={devices === undefined ? undefined : t("overview.on_devices", { count: format.count(devices) })}
      />
      <Figure
        name={t("overview.storage")}
        value={stats ? format.bytes(stats.bytes + stats.rollup_bytes) : "—"}
        note={
          stats &&
          t("overview.samples", { count: format.count(samples), each: stats.bytes_per_sample?.toFixed(2) ?? "—" })
        }
      />
      <Figure
        name={t("overview.waiting")}
        tone={history?.trouble ? "bad" : undefined}
        value={history ? format.count(history.hot_rows) : "—"}
        note={
          history?.trouble ||
          (history && t("overview.waiting_note", { bytes: format.bytes(history.hot_bytes), gaps: history.gaps }))
        }
      />
      <Figure
        name={t("overview.ledger")}
        value={age === undefined ? "—" : format.age(age)}
        note={log && t("overview.ledger_note", { size: format.count(log.size) })}
      />
    </div>
  );
}
