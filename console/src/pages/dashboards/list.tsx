/** Dashboards: one's own, and those that others share. */

import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useMemo } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { api, take } from "~/api/client";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { t } from "~/texts";
import { Create } from "./create";
import { type DashboardRow, LIST } from "./data";

const PAGE = 200;

function columns(): Column<DashboardRow>[] {
  return [
    {
      key: "title",
      title: t("dashboards.name"),
      width: "minmax(200px, 3fr)",
      render: (row) => (
        <span className="stack">
          <Link to={`/dashboards/${row.name}`}>{row.title}</Link>
          <small>{row.name}</small>
        </span>
      ),
    },
    {
      key: "owner",
      title: t("dashboards.owner"),
      width: "minmax(110px, 1fr)",
      render: (row) => (row.mine ? t("dashboards.mine") : row.owner),
    },
    {
      key: "shared",
      title: t("dashboards.seen_by"),
      width: "minmax(150px, 1.4fr)",
      render: (row) => (
        <span className="chip">
          {row.shared ? t("dashboards.project", { project: row.project }) : t("dashboards.only_me")}
        </span>
      ),
    },
    {
      key: "widgets",
      title: t("dashboards.widgets"),
      width: "minmax(90px, 0.6fr)",
      number: true,
      render: (row) => format.count(row.widgets),
    },
    {
      key: "version",
      title: t("dashboards.version"),
      width: "minmax(80px, 0.6fr)",
      number: true,
      render: (row) => row.version,
    },
    {
      key: "changed",
      title: t("dashboards.changed"),
      width: "minmax(170px, 1.2fr)",
      render: (row) => format.dateTime(row.changed),
    },
  ];
}

export default function Dashboards() {
  const may = useMay();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const shown = useMemo(columns, []);
  const makes = may("dashboards:write");
  const create = () => setParams({ new: "1" });
  return (
    <div className="page full">
      <PageHead title={t("dashboards.title")} sub={t("dashboards.help")}>
        {makes && (
          <Button type="primary" icon={<PlusOutlined />} onClick={create}>
            {t("dashboards.new")}
          </Button>
        )}
      </PageHead>
      <Panel className="flush grid-panel">
        <Paged
          label={t("dashboards.title")}
          queryKey={LIST}
          fetch={(cursor) => take(api.GET("/api/v1/dashboards", { params: { query: { cursor, limit: PAGE } } }))}
          columns={shown}
          rowKey={(row) => row.name}
          onOpen={(row) => void navigate(`/dashboards/${row.name}`)}
          empty={
            <Nothing title={t("dashboards.none")}>
              <p>{t(makes ? "dashboards.none_hint" : "dashboards.none_viewer")}</p>
              {makes && (
                <Button type="primary" className="clickable" onClick={create}>
                  {t("dashboards.from_tags")}
                </Button>
              )}
            </Nothing>
          }
        />
      </Panel>
      {makes && params.get("new") !== null && <Create onClose={() => setParams({})} />}
    </div>
  );
}
