/** The processes of the installation, and what each checks of itself. */

import type { Problem } from "~/api/client";
import { useSystemStatus } from "~/api/queries";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

export function Services() {
  const system = useSystemStatus();
  return (
    <div className="table-scroll">
      {system.error && (
        <ProblemBox problem={system.error as unknown as Problem} onRetry={() => void system.refetch()} />
      )}
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("system.service")}</th>
            <th>{t("system.state")}</th>
            <th className="number">{t("system.pid")}</th>
            <th className="number">{t("system.restarts")}</th>
            <th>{t("system.checks")}</th>
          </tr>
        </thead>
        <tbody>
          {(system.data?.services ?? []).map((service) => (
            <tr key={service.name}>
              <td>
                <b>{service.name}</b>
              </td>
              <td>
                <span className={service.ok ? "chip good" : "chip bad"}>
                  <span className={service.ok ? "dot good" : "dot bad"} />
                  {service.state || t("system.unsupervised")}
                </span>
              </td>
              <td className="number">{service.pid ?? "—"}</td>
              <td className="number">{service.restarts}</td>
              <td>
                <div className="chips">
                  {service.checks.map((check) => (
                    <span
                      key={check.name}
                      className={check.ok ? "chip" : "chip bad"}
                      title={[check.detail, check.hint].filter(Boolean).join("\n")}
                    >
                      <span className={check.ok ? "dot good" : "dot bad"} />
                      {check.title || check.name}
                      {!check.ok && check.detail ? `: ${check.detail}` : ""}
                    </span>
                  ))}
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
