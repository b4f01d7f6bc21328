/** What is behind an identifier in this installation: the tag or device itself, its value, its grade. */

import { useQuery } from "@tanstack/react-query";
import { Typography } from "antd";
import { Link } from "react-router";
import { api, take } from "~/api/client";
import type { DeviceView, TagView } from "~/api/queries";
import { useMay } from "~/app/session";
import * as format from "~/parts/format";
import { LiveAge, LiveQuality, LiveValue } from "~/parts/live";
import { Panel } from "~/parts/page";
import { t } from "~/texts";

/** The tag or the device whose handle or path this is; handles are exact, letter by letter. */
export function useOwn(identifier: string) {
  const may = useMay();
  return useQuery({
    queryKey: ["own", identifier],
    queryFn: async () => {
      const query = { search: identifier.replace(/^hdl:/i, ""), limit: 100 };
      const [tags, devices] = await Promise.all([
        may("history:read") ? take(api.GET("/api/v1/history/tags", { params: { query } })) : { items: [] },
        may("edge:read") ? take(api.GET("/api/v1/edge/devices", { params: { query } })) : { items: [] },
      ]);
      const mine = (each: { handle: string; path: string }) =>
        each.handle === query.search || each.path === query.search;
      return { tag: tags.items.find(mine), device: devices.items.find(mine) };
    },
    enabled: identifier !== "" && !identifier.includes("://"),
  });
}

export function OwnThing({ tag, device }: { tag: TagView | undefined; device: DeviceView | undefined }) {
  const thing = tag ?? device;
  if (!thing) return null;
  return (
    <Panel
      title={thing.path.split("/").at(-1)}
      extra={<span className="chip good">{t("identifiers.of_here")}</span>}
      className="own-thing"
    >
      <dl className="facts">
        <dt>{t("identifiers.kind")}</dt>
        <dd>{t(tag ? "identifiers.tag" : "identifiers.device")}</dd>
        <dt>{t("identifiers.handle")}</dt>
        <dd>
          <Typography.Text copyable className="mono">
            {thing.handle}
          </Typography.Text>
        </dd>
        <dt>{t("identifiers.path")}</dt>
        <dd>{thing.path}</dd>
        <dt>{t("identifiers.description")}</dt>
        <dd>{thing.description || "—"}</dd>
        <dt>{t("identifiers.project")}</dt>
        <dd>{thing.project}</dd>
        {tag && (
          <>
            <dt>{t("identifiers.value")}</dt>
            <dd>
              <LiveValue path={tag.path} unit={tag.unit} /> · <LiveQuality path={tag.path} /> ·{" "}
              <LiveAge path={tag.path} />
            </dd>
            <dt>{t("identifiers.device")}</dt>
            <dd>
              <Link to={`/devices/${encodeURIComponent(tag.device)}`}>{tag.device}</Link>
            </dd>
            <dt>{t("identifiers.since")}</dt>
            <dd>{format.dateTime(tag.created)}</dd>
          </>
        )}
        <Grade path={thing.path} />
      </dl>
      <p className="flat">
        <Link
          to={
            tag ? `/trends?tag=${encodeURIComponent(tag.path)}` : `/devices/${encodeURIComponent(device?.name ?? "")}`
          }
        >
          {t(tag ? "identifiers.to_trend" : "identifiers.to_device")}
        </Link>
      </p>
    </Panel>
  );
}

/** The grade of data that counts for it. */
function Grade({ path }: { path: string }) {
  const may = useMay();
  const shown = useQuery({
    queryKey: ["label", path],
    queryFn: () => take(api.GET("/api/v1/access/labels/show", { params: { query: { object: path, kind: "tag" } } })),
    enabled: may("access:labels"),
  }).data;
  if (!shown) return null;
  return (
    <>
      <dt>{t("identifiers.grade")}</dt>
      <dd>
        {shown.grade_2020} · {shown.grade_2022}
      </dd>
    </>
  );
}
