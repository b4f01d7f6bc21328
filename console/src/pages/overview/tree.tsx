/** The plant by its levels (ISA-95): enterprise, site, area, line, cell, device. */

import { Tree, type TreeDataNode } from "antd";
import { useMemo } from "react";
import { Link } from "react-router";
import type { DeviceStatus, DeviceView } from "~/api/queries";
import { Nothing } from "~/parts/page";
import { toneOf } from "~/parts/state";
import { t } from "~/texts";

interface Level {
  children: Map<string, Level>;
  device?: DeviceView;
}

interface Tally {
  total: number;
  well: number;
}

function levelsOf(devices: readonly DeviceView[]): Level {
  const root: Level = { children: new Map() };
  for (const device of devices) {
    let level = root;
    for (const part of device.path.split("/")) {
      const next = level.children.get(part) ?? { children: new Map() };
      level.children.set(part, next);
      level = next;
    }
    level.device = device;
  }
  return root;
}

/** A level that only leads to the next one is shown with it: `eastman / tennessee / process`. */
function chain(name: string, level: Level): { name: string; path: string; level: Level } {
  let [title, path, end] = [name, name, level];
  while (end.children.size === 1 && !end.device) {
    const [[next, below]] = [...end.children] as [[string, Level]];
    if (below.device) break;
    [title, path, end] = [`${title} / ${next}`, `${path}/${next}`, below];
  }
  return { name: title, path, level: end };
}

function nodes(level: Level, path: string, states: Map<string, DeviceStatus>): { data: TreeDataNode[]; tally: Tally } {
  const tally = { total: 0, well: 0 };
  const data = [...level.children].map(([first, following]) => {
    const { name, path: rest, level: inner } = chain(first, following);
    const key = path ? `${path}/${rest}` : rest;
    const below = nodes(inner, key, states);
    const mine = inner.device ? toneOf(states.get(inner.device.name)?.state) : undefined;
    tally.total += below.tally.total + (inner.device ? 1 : 0);
    tally.well += below.tally.well + (mine === "good" ? 1 : 0);
    return {
      key,
      isLeaf: inner.children.size === 0,
      title: inner.device ? (
        <span className="tree-device">
          <span className={`dot ${mine}`} />
          <Link to={`/devices/${encodeURIComponent(inner.device.name)}`}>{name}</Link>
          <small className="quiet">{t("overview.points", { count: inner.device.points })}</small>
        </span>
      ) : (
        <span className="tree-device">
          {name}{" "}
          <small
            className={below.tally.well < below.tally.total ? "warn-text" : "quiet"}
          >{`${below.tally.well}/${below.tally.total}`}</small>
        </span>
      ),
      children: below.data,
    };
  });
  return { data, tally };
}

/** Levels that have one thing below them are open; where many begin, people choose. */
function opened(level: Level, path = ""): string[] {
  const found: string[] = [];
  for (const [first, following] of level.children) {
    const { path: rest, level: inner } = chain(first, following);
    const key = path ? `${path}/${rest}` : rest;
    found.push(key);
    if (level.children.size <= 8) found.push(...opened(inner, key));
  }
  return found;
}

export function PlantTree({
  devices,
  states,
  chosen,
  onChoose,
}: {
  devices: readonly DeviceView[];
  states: Map<string, DeviceStatus>;
  chosen: string;
  onChoose: (path: string) => void;
}) {
  const levels = useMemo(() => levelsOf(devices), [devices]);
  const data = useMemo(() => nodes(levels, "", states).data, [levels, states]);
  const open = useMemo(() => opened(levels), [levels]);
  if (devices.length === 0) return <Nothing title={t("overview.no_devices")} />;
  return (
    <Tree
      treeData={data}
      defaultExpandedKeys={open}
      selectedKeys={chosen ? [chosen] : []}
      height={430}
      blockNode
      showLine
      onSelect={(keys) => onChoose(String(keys[0] ?? ""))}
      aria-label={t("overview.plant")}
    />
  );
}
