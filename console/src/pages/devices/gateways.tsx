/** Gateways: the box's own and those on machines of their own; one more is let in here. */

import { ArrowLeftOutlined, PlusOutlined } from "@ant-design/icons";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Button, Skeleton } from "antd";
import { Link, useSearchParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { gatewayStatus } from "~/api/queries";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import { PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import "./devices.css";
import { Enrol } from "./enrol";

type Machine = Schemas["MachineView"];

/** No device has this name: a gateway's status is wanted without its devices. */
const NO_DEVICES = ["-"];

export default function Gateways() {
  const may = useMay();
  const [params, setParams] = useSearchParams();
  const gateways = useQuery({
    queryKey: ["gateways"],
    queryFn: () => take(api.GET("/api/v1/edge/gateways")),
    refetchInterval: 5000,
  });
  const machines = useQuery({
    queryKey: ["machines"],
    queryFn: () => take(api.GET("/api/v1/access/enrolment/machines")),
    refetchInterval: 5000,
    enabled: may("access:manage"),
  }).data?.items;
  const listed = gateways.data?.items ?? [];
  const states = useQueries({ queries: listed.map((each) => gatewayStatus(each.name, NO_DEVICES)) });
  return (
    <div className="page">
      <Link to="/devices" className="back">
        <ArrowLeftOutlined /> {t("devices.title")}
      </Link>
      <PageHead title={t("gateways.title")} sub={t("gateways.sub")}>
        {may("access:manage") && (
          <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setParams({ enrol: "" })}>
            {t("enrol.title")}
          </Button>
        )}
      </PageHead>
      {params.has("enrol") && may("access:manage") && <Enrol onClose={() => setParams({})} machines={machines ?? []} />}
      <Panel className="flush">
        {gateways.error && <ProblemBox problem={gateways.error as unknown as Problem} />}
        {gateways.isPending && <Skeleton active className="padded" />}
        <div className="table-scroll">
          <table className="plain-table roomy">
            <thead>
              <tr>
                <th>{t("devices.name")}</th>
                <th>{t("devices.state")}</th>
                <th className="number">{t("devices.title")}</th>
                <th className="number">{t("gateways.version")}</th>
                <th className="number">{t("gateways.waiting")}</th>
                {machines && <th>{t("gateways.enrolment")}</th>}
                <th>
                  <span className="visually-hidden">{t("guard.title")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {listed.map((gateway, index) => {
                const state = states[index];
                const away = state?.error as unknown as Problem | null;
                return (
                  <tr key={gateway.name}>
                    <td>
                      <Link to={`/devices?gateway=${encodeURIComponent(gateway.name)}`}>{gateway.name}</Link>
                    </td>
                    <td>
                      <span
                        className={`chip ${state?.data && !away ? "good" : away ? "bad" : ""}`}
                        title={away?.message}
                      >
                        {t(state?.data && !away ? "gateways.running" : away ? "gateways.away" : "state.unknown")}
                      </span>
                    </td>
                    <td className="number">{format.count(gateway.devices)}</td>
                    <td className="number">{state?.data ? format.count(state.data.version) : "—"}</td>
                    <td className="number">{state?.data ? format.bytes(state.data.waiting_bytes) : "—"}</td>
                    {machines && (
                      <td>
                        <Enrolment machine={machines.find((each) => each.name === gateway.name)} />
                      </td>
                    )}
                    <td>
                      <Link to={`/devices/@gateways/${encodeURIComponent(gateway.name)}`}>{t("guard.title")}</Link>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </Panel>
    </div>
  );
}

/** How far a machine is on its way in. */
function Enrolment({ machine }: { machine: Machine | undefined }) {
  if (!machine) return <span className="quiet">{t("gateways.of_box")}</span>;
  if (machine.revoked) return <span className="chip bad">{t("gateways.revoked")}</span>;
  if (machine.certified) {
    return (
      <span title={t("gateways.certified", { time: format.dateTime(machine.certified) })}>
        {t("gateways.enrolled", { until: format.dateTime(machine.until) })}
      </span>
    );
  }
  const over = Date.parse(machine.expires) < Date.now();
  return (
    <span className={over ? "quiet" : undefined}>
      {t(over ? "gateways.expired" : "gateways.invited", { time: format.dateTime(machine.expires) })}
    </span>
  );
}
