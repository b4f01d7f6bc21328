/** What left the installation: when, to whom, what, how much. */

import { Checkbox, Input } from "antd";
import { useSearchParams } from "react-router";
import { api, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { t } from "~/texts";

type Export = Schemas["ExportView"];

function columnsOf(): Column<Export>[] {
  return [
    { key: "time", title: t("security.time"), width: "180px", render: (row) => format.dateTime(row.time) },
    {
      key: "recipient",
      title: t("security.recipient"),
      width: "minmax(160px, 1fr)",
      render: (row) => (
        <>
          {row.recipient} {row.outside && <span className="chip warn">{t("security.outside")}</span>}
        </>
      ),
    },
    {
      key: "what",
      title: t("security.object"),
      width: "minmax(280px, 2fr)",
      render: (row) => <span title={row.what}>{row.what}</span>,
    },
    { key: "rows", title: t("security.rows"), width: "110px", number: true, render: (row) => format.count(row.rows) },
    { key: "bytes", title: t("exports.size"), width: "100px", number: true, render: (row) => format.bytes(row.bytes) },
    {
      key: "grade",
      title: t("security.grade"),
      width: "150px",
      render: (row) => `${row.grade_2020} · ${t(`grade.${row.grade_2022}`)}`,
    },
    { key: "purpose", title: t("security.purpose"), width: "130px", render: (row) => row.purpose },
    {
      key: "whole",
      title: t("security.state"),
      width: "120px",
      render: (row) => (
        <span className={row.whole ? "chip" : "chip warn"}>
          {t(row.whole ? "security.whole" : "security.broken_off")}
        </span>
      ),
    },
  ];
}

export function Exports() {
  const [params, setParams] = useSearchParams();
  const search = params.get("search") ?? "";
  const outside = params.get("outside") === "1";
  const go = (text: string, only: boolean) =>
    setParams({ tab: "exports", ...(text ? { search: text } : {}), ...(only ? { outside: "1" } : {}) });
  return (
    <>
      <div className="toolbar">
        <Input.Search
          className="wide-field"
          allowClear
          key={search}
          defaultValue={search}
          placeholder={t("exports.search")}
          aria-label={t("exports.search")}
          onSearch={(text) => go(text.trim(), outside)}
        />
        <Checkbox checked={outside} onChange={(event) => go(search, event.target.checked)}>
          {t("exports.outside")}
        </Checkbox>
      </div>
      <Paged
        label={t("security.exports")}
        queryKey={["exports", search, outside]}
        columns={columnsOf()}
        rowKey={(row) => row.id}
        fetch={(cursor) =>
          take(
            api.GET("/api/v1/access/labels/exports", {
              params: { query: { cursor, search, ...(outside ? { outside } : {}), limit: 200 } },
            }),
          )
        }
        empty={
          <Nothing title={t(search || outside ? "exports.none_fits" : "security.no_exports")}>
            <p>{t("exports.none_hint")}</p>
          </Nothing>
        }
      />
    </>
  );
}
