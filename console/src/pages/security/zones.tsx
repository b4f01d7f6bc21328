/** Zones and conduits (IEC 62443) as a drawing and as a table. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { api, type Problem, take } from "~/api/client";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

const Drawing = lazy(() => import("./drawing"));

export function Zones() {
  const zones = useQuery({ queryKey: ["zones"], queryFn: () => take(api.GET("/api/v1/access/zones")) });
  if (!zones.data)
    return zones.error ? (
      <ProblemBox problem={zones.error as unknown as Problem} onRetry={() => void zones.refetch()} />
    ) : null;
  const { plan, version } = zones.data;
  return (
    <div className="padded columns">
      <p className="quiet flat">
        {t("security.zones_sub", { zones: plan.zones.length, conduits: plan.conduits.length, version })}
      </p>
      <Suspense fallback={<div className="loading" />}>
        <Drawing plan={plan} />
      </Suspense>
      {plan.conduits.length === 0 ? (
        <Nothing title={t("security.no_conduits")}>
          <p>{t("security.no_conduits_hint")}</p>
          <code>lineshaft zones check plan.toml</code>
        </Nothing>
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th>{t("security.conduit")}</th>
              <th>{t("security.from")}</th>
              <th>{t("security.to")}</th>
              <th>{t("security.description")}</th>
            </tr>
          </thead>
          <tbody>
            {plan.conduits.map((conduit) => (
              <tr key={conduit.name}>
                <td>
                  <b>{conduit.name}</b>
                </td>
                <td>{conduit.from}</td>
                <td>
                  {conduit.to}
                  {conduit.both_ways ? ` ${t("security.both_ways")}` : ""}
                </td>
                <td className="quiet">{conduit.description}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
