/** What does not hold, each with what to do about it; the first thing to read on a bad day. */

import { CheckCircleOutlined } from "@ant-design/icons";
import { Link } from "react-router";
import type { Schemas } from "~/api/client";
import type { DeviceStatus } from "~/api/queries";
import { Panel } from "~/parts/page";
import { StateChip } from "~/parts/state";
import { t } from "~/texts";

interface Trouble {
  key: string;
  what: string;
  where: React.ReactNode;
  detail: string;
  hint: string;
}

const MOST = 20;

export function troubles(system: Schemas["SystemStatus"] | undefined, states: Map<string, DeviceStatus>): Trouble[] {
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
  const devices = [...states.values()]
    .filter((device) => device.state !== "connected")
    .map((device) => ({
      key: device.name,
      what: "",
      where: (
        <>
          <StateChip state={device.state} />{" "}
          <Link to={`/devices/${encodeURIComponent(device.name)}`}>{device.name}</Link>
        </>
      ),
      detail: device.message,
      hint: device.hint,
    }));
  return [...services, ...devices];
}

export function Attention({
  system,
  states,
}: {
  system: Schemas["SystemStatus"] | undefined;
  states: Map<string, DeviceStatus>;
}) {
  const found = troubles(system, states);
  return (
    <Panel title={t("attention.title")}>
      {found.length === 0 ? (
        <p className="flat">
          <CheckCircleOutlined className="good-text" /> {t("attention.none")}
        </p>
      ) : (
        <div className="table-scroll">
          <table className="plain-table">
            <tbody>
              {found.slice(0, MOST).map((each) => (
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
      {found.length > MOST && <p className="quiet">{t("attention.more", { count: found.length - MOST })}</p>}
    </Panel>
  );
}
