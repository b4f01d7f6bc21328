/** Every setting, its value, and where that comes from. */

import { useQuery } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { type Column, Grid } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";

type Setting = Schemas["SettingRow"];

export function Settings() {
  const [params, setParams] = useSearchParams();
  const filter = params.get("filter") ?? "";
  const setFilter = (text: string) =>
    setParams({ tab: "settings", ...(text ? { filter: text } : {}) }, { replace: true });
  const settings = useQuery({ queryKey: ["settings"], queryFn: () => take(api.GET("/api/v1/system/settings")) });
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return (settings.data?.items ?? []).filter((row) =>
      words.every((word) => `${row.name} ${row.description}`.toLowerCase().includes(word)),
    );
  }, [settings.data, filter]);
  const columns: Column<Setting>[] = [
    {
      key: "name",
      title: t("system.setting"),
      width: "minmax(240px, 1.2fr)",
      render: (row) => <code>{row.name}</code>,
    },
    {
      key: "value",
      title: t("system.value"),
      width: "minmax(160px, 1fr)",
      render: (row) => <code>{typeof row.value === "string" ? row.value : JSON.stringify(row.value)}</code>,
    },
    {
      key: "origin",
      title: t("system.origin"),
      width: "minmax(140px, .8fr)",
      render: (row) => <span className={row.origin === "default" ? "quiet" : "chip warn"}>{row.origin}</span>,
    },
    {
      key: "description",
      title: t("system.meaning"),
      width: "minmax(280px, 2fr)",
      render: (row) => <span title={row.description}>{row.description}</span>,
    },
  ];
  return (
    <>
      <div className="toolbar">
        <Input
          className="wide-field"
          allowClear
          value={filter}
          placeholder={t("system.filter")}
          aria-label={t("system.filter")}
          onChange={(event) => setFilter(event.target.value)}
        />
        <span className="quiet">{t("system.settings_hint")}</span>
      </div>
      {settings.error && (
        <ProblemBox problem={settings.error as unknown as Problem} onRetry={() => void settings.refetch()} />
      )}
      <Grid
        label={t("system.settings")}
        columns={columns}
        rows={rows}
        rowKey={(row) => row.name}
        empty={
          settings.data && (
            <Nothing title={t("system.no_settings", { filter })}>
              <Button onClick={() => setFilter("")}>{t("system.show_all")}</Button>
            </Nothing>
          )
        }
      />
    </>
  );
}
