/** What is behind an identifier of this installation: a handle or a path, the thing itself, its value, its grade. */

import { useQuery } from "@tanstack/react-query";
import { Input, Skeleton, Typography } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { api, type Problem, take } from "~/api/client";
import { useMay } from "~/app/session";
import { LiveAge, LiveQuality, LiveValue } from "~/parts/live";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import * as format from "~/parts/format";
import { t } from "~/texts";

/** The tag or the device whose handle or path this is; handles are exact, letter by letter. */
function useResolved(identifier: string) {
  const may = useMay();
  return useQuery({
    queryKey: ["resolved", identifier],
    queryFn: async () => {
      const query = { search: identifier, limit: 100 };
      const [tags, devices] = await Promise.all([
        take(api.GET("/api/v1/history/tags", { params: { query } })),
        may("edge:read") ? take(api.GET("/api/v1/edge/devices", { params: { query } })) : { items: [] },
      ]);
      const mine = (each: { handle: string; path: string }) => each.handle === identifier || each.path === identifier;
      return { tag: tags.items.find(mine), device: devices.items.find(mine) };
    },
    enabled: identifier !== "",
  });
}

export default function Identifiers() {
  const [params, setParams] = useSearchParams();
  const identifier = (params.get("id") ?? "").trim();
  const [text, setText] = useState(identifier);
  const resolved = useResolved(identifier);
  const found = resolved.data?.tag ?? resolved.data?.device;
  return (
    <div className="page">
      <PageHead title={t("identifiers.title")} sub={t("identifiers.help")} />
      <Panel>
        <Input.Search
          value={text}
          enterButton={t("identifiers.resolve")}
          placeholder={t("identifiers.placeholder")}
          aria-label={t("identifiers.placeholder")}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          onSearch={(id) => setParams(id.trim() ? { id: id.trim() } : {})}
        />
      </Panel>
      {resolved.error && <ProblemBox problem={resolved.error as unknown as Problem} />}
      {resolved.isFetching && !resolved.data && <Skeleton active />}
      {resolved.data && !found && (
        <Panel>
          <Nothing title={t("identifiers.unknown", { identifier })}>
            <p>{t("identifiers.unknown_hint")}</p>
            <code>lineshaft id resolve</code>
          </Nothing>
        </Panel>
      )}
      {found && (
        <Panel title={found.path.split("/").at(-1)}>
          <dl className="facts">
            <dt>{t("identifiers.kind")}</dt>
            <dd>{t(resolved.data?.tag ? "identifiers.tag" : "identifiers.device")}</dd>
            <dt>{t("identifiers.handle")}</dt>
            <dd>
              <Typography.Text copyable className="mono">
                {found.handle}
              </Typography.Text>
            </dd>
            <dt>{t("identifiers.path")}</dt>
            <dd>{found.path}</dd>
            <dt>{t("identifiers.description")}</dt>
            <dd>{found.description || "—"}</dd>
            <dt>{t("identifiers.project")}</dt>
            <dd>{found.project}</dd>
            {resolved.data?.tag && (
              <>
                <dt>{t("identifiers.value")}</dt>
                <dd>
                  <LiveValue path={found.path} unit={resolved.data.tag.unit} /> · <LiveQuality path={found.path} /> ·{" "}
                  <LiveAge path={found.path} />
                </dd>
                <dt>{t("identifiers.device")}</dt>
                <dd>
                  <Link to={`/devices/${encodeURIComponent(resolved.data.tag.device)}`}>
                    {resolved.data.tag.device}
                  </Link>
                </dd>
                <dt>{t("identifiers.since")}</dt>
                <dd>{format.dateTime(resolved.data.tag.created)}</dd>
              </>
            )}
            <Grade path={found.path} />
          </dl>
          <p>
            <Link
              to={
                resolved.data?.tag
                  ? `/trends?tag=${encodeURIComponent(found.path)}`
                  : `/devices/${encodeURIComponent(resolved.data?.device?.name ?? "")}`
              }
            >
              {t(resolved.data?.tag ? "identifiers.to_trend" : "identifiers.to_device")}
            </Link>
          </p>
        </Panel>
      )}
    </div>
  );
}

/** The grade of data that counts for it, and where that comes from. */
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
