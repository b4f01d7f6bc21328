/** Points as a profile says them: devices of one make have them in common. */

import { useQuery } from "@tanstack/react-query";
import { Select, Skeleton } from "antd";
import { api, type Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import type { StepProps } from "./add";

export function ProfileSource({ draft, change }: StepProps) {
  const profiles = useQuery({
    queryKey: ["profiles"],
    queryFn: () => take(api.GET("/api/v1/edge/profiles", { params: { query: { limit: 1000 } } })),
  });
  if (profiles.error) return <ProblemBox problem={profiles.error as unknown as Problem} />;
  if (!profiles.data) return <Skeleton active paragraph={{ rows: 1 }} />;
  const fitting = profiles.data.items.filter((each) => !draft.driver || each.driver === draft.driver);
  if (fitting.length === 0) {
    return (
      <Nothing title={t("add.no_profiles", { driver: draft.driver })}>
        <p>{t("add.no_profiles_hint")}</p>
        <code>lineshaft edge profile put NAME FILE</code>
      </Nothing>
    );
  }
  const chosen = fitting.find((each) => each.name === draft.profile);
  return (
    <>
      <Select
        className="wide-field"
        allowClear
        aria-label={t("add_source.profile")}
        placeholder={t("add.profile_choose")}
        value={draft.profile || undefined}
        onChange={(profile: string | undefined) => change({ profile: profile ?? "" })}
        options={fitting.map((each) => ({
          value: each.name,
          label: `${each.title || each.name} · ${t("device.points", { count: each.points })}`,
        }))}
      />
      {chosen && (
        <p>{t("add.profile_points", { count: format.count(chosen.points), source: chosen.source || chosen.name })}</p>
      )}
    </>
  );
}
