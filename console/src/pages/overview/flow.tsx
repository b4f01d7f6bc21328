/** How data flows: machines, their gateways, the bus, and what takes from it; with live values and the state of each. */

import { Background, type Edge, Handle, type Node, type NodeProps, Position, ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useMemo } from "react";
import { Link } from "react-router";
import type { Schemas } from "~/api/client";
import { type DeviceStatus, type DeviceView, useHistoryStatus, useTagsBelow } from "~/api/queries";
import * as format from "~/parts/format";
import { LiveValue } from "~/parts/live";
import { StateChip, type Tone, toneOf } from "~/parts/state";
import { t } from "~/texts";
import "./flow.css";

const MOST_VALUES = 3;
const COLUMN = 320;
const ROW = 118;

type DeviceNode = Node<{ device: DeviceView; state: DeviceStatus | undefined }, "device">;
type MoreNode = Node<{ count: number; below: string }, "more">;
type ServiceNode = Node<
  { name: string; title: string; tone: Tone; lines: string[]; first: boolean; last: boolean },
  "service"
>;

const Machine = memo(function Machine({ data }: NodeProps<DeviceNode>) {
  const tags = useTagsBelow(data.device.path, MOST_VALUES).data?.items ?? [];
  return (
    <div className={`flow-node flow-device ${toneOf(data.state?.state)}`}>
      <div className="flow-title">
        <Link to={`/devices/${encodeURIComponent(data.device.name)}`}>{data.device.name}</Link>
        <StateChip state={data.state?.state} />
      </div>
      {tags.map((tag) => (
        <div key={tag.path} className="flow-value">
          <span>{tag.description || tag.path.split("/").at(-1)}</span>
          <LiveValue path={tag.path} unit={tag.unit} />
        </div>
      ))}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
});

const Service = memo(function Service({ data }: NodeProps<ServiceNode>) {
  return (
    <div className={`flow-node ${data.tone}`}>
      {!data.first && <Handle type="target" position={Position.Left} isConnectable={false} />}
      <div className="flow-title">
        <b>{data.title}</b>
        <span className={`dot ${data.tone}`} />
      </div>
      {data.lines.map((line) => (
        <div key={line} className="flow-line">
          {line}
        </div>
      ))}
      {!data.last && <Handle type="source" position={Position.Right} isConnectable={false} />}
    </div>
  );
});

/** How many devices are not drawn, and where they are. */
const More = memo(function More({ data }: NodeProps<MoreNode>) {
  const search = data.below ? `?${new URLSearchParams({ below: data.below })}` : "";
  return (
    <div className="flow-node flow-device flow-more">
      <Link to={`/devices${search}`}>{t("flow.more", { count: format.count(data.count) })}</Link>
    </div>
  );
});

const TYPES = { device: Machine, service: Service, more: More };

interface FlowProps {
  /** The first of those that are at `below` or below it, of `total`. */
  devices: readonly DeviceView[];
  total: number;
  below: string;
  states: Map<string, DeviceStatus>;
  system: Schemas["SystemStatus"] | undefined;
  gateway: Schemas["GatewayStatus"] | undefined;
}

// texts: flow.*
export default function Flow({ devices, total, below, states, system, gateway }: FlowProps) {
  const history = useHistoryStatus().data;
  const { nodes, edges } = useMemo(() => {
    const more = total - devices.length;
    const gateways = [...new Set(devices.map((device) => device.gateway))].slice(0, 6);
    const rows = Math.max(devices.length + (more > 0 ? 1 : 0), 3);
    const middle = ((rows - 1) * ROW) / 2;
    const tone = (name: string): Tone => {
      const service = system?.services.find((each) => each.name === name);
      return service === undefined ? "none" : service.ok ? "good" : "bad";
    };
    const service = (
      name: string,
      x: number,
      y: number,
      lines: string[],
      place: "first" | "middle" | "last",
    ): ServiceNode => ({
      id: name,
      type: "service",
      position: { x, y },
      data: {
        name,
        title: t(`flow.${name}`),
        tone: tone(name),
        lines,
        first: place === "first",
        last: place === "last",
      },
    });
    const made: Node[] = devices.map((device, index) => ({
      id: `device/${device.name}`,
      type: "device",
      position: { x: 0, y: index * ROW },
      data: { device, state: states.get(device.name) },
    }));
    if (more > 0) {
      made.push({
        id: "more",
        type: "more",
        position: { x: 0, y: devices.length * ROW },
        data: { count: more, below },
      });
    }
    gateways.forEach((name, index) => {
      // Of the box's own gateway all is known here; another one is shown without a word that could be wrong.
      const known = gateway?.gateway === name;
      const lines = known
        ? [
            t("flow.config", { version: gateway.version }),
            t("flow.unsent", { bytes: format.bytes(gateway.waiting_bytes) }),
          ]
        : [];
      made.push({
        ...service("gateway", COLUMN * 1.15, middle + (index - (gateways.length - 1) / 2) * ROW, lines, "middle"),
        id: `gateway/${name}`,
        data: { name, title: name, tone: known ? tone("gateway") : "none", lines, first: false, last: false },
      });
    });
    const rate = history?.rate === undefined ? "—" : format.number(history.rate, 3);
    const last = COLUMN * 2.65;
    made.push(
      service(
        "bus",
        COLUMN * 1.9,
        middle,
        [t("flow.rate", { rate }), t("flow.message", { number: format.count(history?.last_sequence ?? 0) })],
        "middle",
      ),
      service(
        "history",
        last,
        middle - ROW,
        [
          t("flow.rows", { count: format.count(history?.rows_total ?? 0) }),
          t("flow.table", { version: history?.table_version ?? "—" }),
        ],
        "last",
      ),
      service("access", last, middle, [t("flow.access_note")], "last"),
      service("web", last, middle + ROW, [t("flow.web_note")], "last"),
    );
    const links: Edge[] = [
      ...devices.map((device) => ({
        id: device.name,
        source: `device/${device.name}`,
        target: `gateway/${device.gateway}`,
        animated: states.get(device.name)?.state === "connected",
        className: toneOf(states.get(device.name)?.state),
      })),
      ...gateways.map((name) => ({
        id: `bus/${name}`,
        source: `gateway/${name}`,
        target: "bus",
        animated: tone("gateway") === "good",
        className: tone("gateway"),
      })),
      ...["history", "access", "web"].map((name) => ({
        id: name,
        source: "bus",
        target: name,
        animated: name !== "access" && tone(name) === "good",
        className: tone(name),
      })),
    ];
    return { nodes: made, edges: links };
  }, [devices, total, below, states, system, gateway, history]);
  return (
    <div className="flow">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        fitView
        fitViewOptions={{ padding: 0.06, maxZoom: 1.05 }}
        minZoom={0.2}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        nodesFocusable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        key={`${nodes.length}/${devices[0]?.name ?? ""}`}
        aria-label={t("overview.flow")}
      >
        <Background gap={24} />
      </ReactFlow>
    </div>
  );
}
