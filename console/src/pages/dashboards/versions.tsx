/** Versions of a dashboard: who saved what and why, what differs, and going back. */

import { RollbackOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { api, Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import type { Column } from "~/parts/grid";
import { Nothing, Panel } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { type DashboardView, restore, useKeep } from "./data";

type Row = Schemas["DashboardVersionRow"];

const PAGE = 100;

export function Versions({ view }: { view: DashboardView }) {
  const [params, setParams] = useSearchParams();
  const chosen = Number(params.get("version")) || view.version;
  const choose = (version: number) => setParams({ mode: "versions", version: String(version) }, { replace: true });
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        key: "version",
        title: t("dashboards.version"),
        width: "minmax(74px, 0.4fr)",
        number: true,
        render: (row) => row.version,
      },
      {
        key: "created",
        title: t("dashboards.saved"),
        width: "minmax(165px, 0.8fr)",
        render: (row) => format.dateTime(row.created),
      },
      { key: "author", title: t("dashboards.author"), width: "minmax(80px, 0.7fr)", render: (row) => row.author },
      {
        key: "comment",
        title: t("dashboards.why"),
        width: "minmax(110px, 1.6fr)",
        render: (row) => commentOf(row.comment),
      },
      {
        key: "open",
        title: <span />,
        width: "minmax(124px, 0.5fr)",
        render: (row) => (
          <Button
            size="small"
            type={row.version === chosen ? "primary" : "default"}
            onClick={() => choose(row.version)}
          >
            {t("dashboards.compare")}
          </Button>
        ),
      },
    ],
    [chosen],
  );
  return (
    <div className="board-versions">
      <Panel className="flush grid-panel">
        <Paged
          label={t("dashboards.versions")}
          queryKey={["dashboard versions", view.name]}
          fetch={(cursor) =>
            take(
              api.GET("/api/v1/dashboards/{dashboard}/versions", {
                params: { path: { dashboard: view.name }, query: { cursor, limit: PAGE } },
              }),
            )
          }
          columns={columns}
          rowKey={(row) => String(row.version)}
          onOpen={(row) => choose(row.version)}
        />
      </Panel>
      <Difference view={view} version={chosen} />
    </div>
  );
}

/** The comment that going back leaves is written by the server, in one language. */
function commentOf(comment: string): string {
  const back = /^back to version (\d+)$/.exec(comment);
  return back ? t("dashboards.back_to", { version: back[1] as string }) : comment;
}

// texts: dashboards.change.*
function Difference({ view, version }: { view: DashboardView; version: number }) {
  const { modal, message } = App.useApp();
  const keep = useKeep();
  const path = { dashboard: view.name, version };
  const diff = useQuery({
    queryKey: ["dashboard versions", view.name, "diff", version],
    queryFn: () => take(api.GET("/api/v1/dashboards/{dashboard}/versions/{version}/diff", { params: { path } })),
    retry: false,
  });

  function goBack(): void {
    modal.confirm({
      title: t("dashboards.restore_title", { version }),
      content: t("dashboards.restore_text", { version, next: view.version + 1 }),
      okText: t("dashboards.restore"),
      cancelText: t("dashboards.cancel"),
      onOk: async () => {
        try {
          const after = await restore(view, version);
          keep(after);
          message.success(t("dashboards.restored", { version: after.version }));
        } catch (problem) {
          if (!(problem instanceof Problem)) throw problem;
          message.error(problem.message);
        }
      },
    });
  }

  return (
    <Panel
      title={t("dashboards.diff_title", { before: version - 1, after: version })}
      extra={
        view.may_edit &&
        version !== view.version && (
          <Button icon={<RollbackOutlined />} onClick={goBack}>
            {t("dashboards.restore")}
          </Button>
        )
      }
    >
      {diff.error && <ProblemBox problem={diff.error as unknown as Problem} />}
      {diff.data?.items.length === 0 && <Nothing title={t("dashboards.no_difference")} />}
      {diff.data && diff.data.items.length > 0 && (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t("dashboards.differences")}>
          <table className="plain-table">
            <thead>
              <tr>
                <th>{t("dashboards.change_kind")}</th>
                <th>{t("dashboards.where")}</th>
                <th>{t("dashboards.before")}</th>
                <th>{t("dashboards.after")}</th>
              </tr>
            </thead>
            <tbody>
              {diff.data.items.map((item) => (
                <tr key={item.where}>
                  <td>{t(`dashboards.change.${item.change}`)}</td>
                  <td className="mono">{item.where}</td>
                  <td className="mono board-was">{shown(item.before)}</td>
                  <td className="mono board-was">{shown(item.after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function shown(value: unknown): string {
  return value === null || value === undefined ? "—" : typeof value === "string" ? value : JSON.stringify(value);
}
