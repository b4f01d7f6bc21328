/** The plant by its levels (ISA-95): enterprise, site, area, line, cell, device. A level is asked for when it is opened. */

import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { Skeleton, Tree, type TreeDataNode } from "antd";
import { type KeyboardEvent, type MouseEvent, useState } from "react";
import { Link } from "react-router";
import { api, type Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
import { toneOf } from "~/parts/state";
import { t } from "~/texts";
import { NoDevices } from "./none";
import { type Level, type Levels, opened } from "./opened";
import { since } from "./since";

/** Of one level so many are shown; the list of devices has the others. */
const MOST = 200;

type Known = (path: string) => Levels | undefined;

function levelQuery(below: string) {
  return {
    queryKey: ["levels", below],
    queryFn: () => take(api.GET("/api/v1/edge/levels", { params: { query: { below, limit: MOST } } })),
    refetchInterval: 10_000,
  };
}

export function PlantTree({ chosen, onChoose }: { chosen: string; onChoose: (path: string) => void }) {
  const client = useQueryClient();
  const [turned, setTurned] = useState<ReadonlyMap<string, boolean>>(new Map());
  const root = useQuery(levelQuery(""));
  const known: Known = (path) => client.getQueryData<Levels>(levelQuery(path).queryKey);
  const open = opened(known, turned);
  // Each answer draws this anew, and what it holds may open further levels.
  useQueries({ queries: open.map(levelQuery) });
  if (root.error && !root.data)
    return <ProblemBox problem={root.error as unknown as Problem} onRetry={() => void root.refetch()} />;
  if (!root.data) return <Skeleton active />;
  if (root.data.total === 0) return <NoDevices />;
  const old = since(root);
  return (
    <div className={old ? "tree-old" : undefined}>
      {old && <p className="quiet">{t("value.as_of", { time: format.recent(old) })}</p>}
      <Tree
        treeData={nodes(known, "")}
        expandedKeys={open}
        selectedKeys={chosen ? [chosen] : []}
        height={430}
        blockNode
        showLine
        motion={false}
        onExpand={(_, { node, expanded }) => setTurned((before) => new Map(before).set(String(node.key), expanded))}
        onSelect={(keys) => onChoose(String(keys[0] ?? ""))}
        aria-label={t("overview.plant")}
      />
    </div>
  );
}

/** A link in the tree leads where it says. Its node below must not hear of it: choosing that would lead elsewhere. */
const ALONE = {
  onClick: (event: MouseEvent) => event.stopPropagation(),
  onKeyDown: (event: KeyboardEvent) => event.key === "Enter" && event.stopPropagation(),
};

function nodes(known: Known, path: string): TreeDataNode[] {
  const { items, total } = known(path) ?? { items: [], total: 0 };
  const shown = items.map((level) => ({
    key: level.path,
    isLeaf: Boolean(level.device),
    title: level.device ? <Device level={level} /> : <Title level={level} name={nameOf(level.path, path)} />,
    children: level.device ? [] : nodes(known, level.path),
  }));
  return total > items.length ? [...shown, more(path, total - items.length)] : shown;
}

/** A level that only leads to the next one is shown with it: `eastman / tennessee / process`. */
function nameOf(path: string, above: string): string {
  return path.slice(above ? above.length + 1 : 0).replaceAll("/", " / ");
}

function more(path: string, count: number): TreeDataNode {
  const search = path ? `?${new URLSearchParams({ below: path })}` : "";
  return {
    key: `${path}/`,
    isLeaf: true,
    selectable: false,
    title: (
      <Link to={`/devices${search}`} {...ALONE}>
        {t("flow.more", { count: format.count(count) })}
      </Link>
    ),
  };
}

function Title({ level, name }: { level: Level; name: string }) {
  return (
    <span className="tree-device">
      {name}{" "}
      <small className={level.well < level.devices ? "warn-text" : "quiet"}>
        {`${format.count(level.well)}/${format.count(level.devices)}`}
      </small>
    </span>
  );
}

function Device({ level }: { level: Level }) {
  return (
    <span className="tree-device">
      <span className={`dot ${toneOf(level.state)}`} />
      <Link to={`/devices/${encodeURIComponent(level.device)}`} {...ALONE}>
        {level.path.split("/").at(-1)}
      </Link>
      <small className="quiet">{t("overview.points", { count: level.points })}</small>
    </span>
  );
}
