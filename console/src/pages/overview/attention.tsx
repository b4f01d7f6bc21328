/** What does not hold, each with what to do about it; the first thing to read on a bad day. */

import { CheckCircleOutlined } from "@ant-design/icons";
import { useMemo } from "react";
import { Link } from "react-router";
import type { Schemas } from "~/api/client";
import { type DeviceStatus, type DeviceView, useDeviceStates, useStanding, type useSystemStatus } from "~/api/queries";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { StateChip } from "~/parts/state";
import { t } from "~/texts";
import { sinceAll } from "./since";

export interface Trouble {
  key: string;
  what: string;
  where: React.ReactNode;
  detail: string;
  hint: string;
}

/** The first of them; the plant below stays in sight. */
const MOST = 6;
const WELL = "connected";
const UNKNOWN = "unknown";

function troubles(
  system: Schemas["SystemStatus"] | undefined,
  listed: readonly DeviceView[],
  states: Map<string, DeviceStatus>,
): Trouble[] {
  const services = (system?.services ?? []).flatMap((service) => [
    ...service.checks
      .filter((check) => !check.ok)
      .map((check) => ({
        key: `${service.name}/${check.name}`,
        what: t("attention.check", { name: check.name }),
        where: service.name,
        detail: check.detail ?? "",
        hint: check.hint ?? "",
      })),
    ...(!service.ok && service.checks.every((check) => check.ok)
      ? [
          {
            key: service.name,
            what: t("attention.service"),
            where: service.name,
            detail: service.state,
            hint: t("attention.service_hint"),
          },
        ]
      : []),
  ]);
  const devices = listed.map((device) => ({
    key: device.name,
    what: "",
    where: (
      <>
        <StateChip state={device.state} /> <Link to={`/devices/${encodeURIComponent(device.name)}`}>{device.name}</Link>
      </>
    ),
    ...(states.has(device.name) || device.state !== UNKNOWN
      ? { detail: states.get(device.name)?.message ?? "", hint: states.get(device.name)?.hint ?? "" }
      : {
          detail: t("attention.silent", { gateway: device.gateway }),
          hint: t("attention.silent_hint"),
        }),
  }));
  return [...services, ...devices];
}

interface Troubles {
  found: Trouble[];
  total: number;
  /** When it was so, in milliseconds, where it could not be asked for again. */
  old: number | undefined;
}

/** What does not hold: the first of it, and how much that is in all. */
export function useTroubles(status: ReturnType<typeof useSystemStatus>): Troubles {
  const system = status.data;
  const standings = useStanding(MOST);
  const standing = standings.data;
  const old = sinceAll(status, standings);
  const listed = useMemo(() => (standing?.items ?? []).filter((device) => device.state !== WELL), [standing]);
  const states = useDeviceStates(listed);
  return useMemo(() => {
    const found = troubles(system, listed, states);
    const unwell = Object.entries(standing?.states ?? {}).filter(([state]) => state !== WELL);
    const devices = unwell.reduce((sum, [, count]) => sum + count, 0);
    return { found: found.slice(0, MOST), total: found.length - listed.length + devices, old };
  }, [system, standing, listed, states, old]);
}

export function Attention({ found, total, old }: Troubles) {
  return (
    <Panel
      title={t("attention.title")}
      extra={old && <span className="quiet">{t("value.as_of", { time: format.recent(old) })}</span>}
    >
      {found.length === 0 ? (
        <p className={old ? "flat quiet" : "flat"}>
          {!old && <CheckCircleOutlined className="good-text" />} {t("attention.none")}
        </p>
      ) : (
        <div className="table-scroll">
          <table className="plain-table">
            <tbody>
              {found.map((each) => (
                <tr key={each.key}>
                  <td>
                    {each.where} {each.what && <b>{each.what}</b>}
                  </td>
                  <td>{each.detail}</td>
                  <td className="quiet">{each.hint}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {total > found.length && (
        <p className="quiet">
          {t("attention.more", { count: format.count(total - found.length) })}{" "}
          <Link to="/devices?sort=state">{t("overview.to_list")}</Link>
        </p>
      )}
    </Panel>
  );
}
