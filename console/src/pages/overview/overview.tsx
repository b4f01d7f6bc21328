/** The whole plant at a glance: is it well, what comes in, what needs somebody. */

import { useQueries, useQueryClient } from "@tanstack/react-query";
import { Alert } from "antd";
import { lazy, Suspense, useCallback } from "react";
import { useSearchParams } from "react-router";
import type { Problem, Schemas } from "~/api/client";
import { gatewayStatus, useDeviceStates, useDevices, useSystemStatus } from "~/api/queries";
import { PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { Attention, useTroubles } from "./attention";
import type { GatewayStanding } from "./flow";
import "./flow.css";
import { Figures } from "./figures";
import { NoDevices } from "./none";
import { since } from "./since";
import { PlantTree } from "./tree";

/** Begun with the page, not after its first drawing. */
const flow = import("./flow");
const Flow = lazy(() => flow);

/** Devices that are drawn; how many more there are is said beside them. */
const MOST_DRAWN = 8;
/** No device has this name: a gateway's status is wanted without its devices. */
const NO_DEVICES = ["-"];
const NONE: never[] = [];

/** The part of the plant that is drawn stands in the address. */
function useChosen(): [string, (path: string) => void] {
  const [params, setParams] = useSearchParams();
  const choose = useCallback((path: string) => setParams(path ? { below: path } : {}, { replace: true }), [setParams]);
  return [params.get("below") ?? "", choose];
}

/** What a gateway said last; nothing of it holds once it does not answer. */
function standing(
  name: string,
  answer: { data?: Schemas["GatewayStatus"]; error: unknown } | undefined,
): GatewayStanding {
  const problem = (answer?.error ?? undefined) as Problem | undefined;
  return { name, status: problem ? undefined : answer?.data, problem };
}

export default function Overview() {
  const system = useSystemStatus();
  const [chosen, choose] = useChosen();
  const devices = useDevices(chosen, MOST_DRAWN);
  const drawn = devices.data?.items ?? NONE;
  const names = [...new Set(drawn.map((device) => device.gateway))];
  const answers = useQueries({ queries: names.map((name) => gatewayStatus(name, NO_DEVICES)) });
  const gateways = names.map((name, index) => standing(name, answers[index]));
  const states = useDeviceStates(drawn);
  const attention = useTroubles(system);
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
      {system.error && <ProblemBox problem={system.error as Problem} onRetry={() => void client.invalidateQueries()} />}
      <Figures drawn={MOST_DRAWN} />
      {needed && <Attention {...attention} />}
      <div className="overview-grid">
        <Panel title={t("overview.plant")} className="overview-tree">
          <PlantTree chosen={chosen} onChoose={choose} />
        </Panel>
        <Panel title={t("overview.flow")} className="overview-flow flush">
          {devices.data && drawn.length === 0 ? (
            <NoDevices />
          ) : (
            <Suspense fallback={<div className="flow" />}>
              <Flow
                devices={drawn}
                total={devices.data?.total ?? 0}
                below={chosen}
                states={states}
                system={since(system) ? undefined : system.data}
                gateways={gateways}
              />
            </Suspense>
          )}
        </Panel>
      </div>
      {gateways
        .filter((gateway) => gateway.problem)
        .map((gateway) => (
          <Alert key={gateway.name} type="warning" showIcon title={`${gateway.name}: ${gateway.problem?.message}`} />
        ))}
      {!needed && <Attention {...attention} />}
    </div>
  );
}
