/** How data flows: machines, their gateways, the bus, and what takes from it; with live values and the state of each. */

import { Background, type Edge, Handle, type Node, type NodeProps, Position, ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useMemo } from "react";
import { Link } from "react-router";
import type { Problem, Schemas } from "~/api/client";
import { type DeviceStatus, type DeviceView, useHistoryStatus, useTagsBelow } from "~/api/queries";
import * as format from "~/parts/format";
import { LiveValue } from "~/parts/live";
import { StateChip, type Tone, toneOf } from "~/parts/state";
import { t } from "~/texts";
import "./flow.css";
import { since } from "./since";

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

/** How a gateway stands: what it said, or why it says nothing; neither before its first answer. */
export interface GatewayStanding {
  name: string;
  status: Schemas["GatewayStatus"] | undefined;
  problem: Problem | undefined;
}

function toneOfGateway({ status, problem }: GatewayStanding): Tone {
  if (problem) return problem.status === 0 ? "none" : "bad"; // without our own server nothing is known of it
  return status ? "good" : "none";
}

interface DrawnGateway {
  name: string;
  tone: Tone;
  lines: string[];
}

function drawnGateway(gateway: GatewayStanding): DrawnGateway {
  const { name, status, problem } = gateway;
  const said = status
    ? [t("flow.config", { version: status.version }), t("flow.unsent", { bytes: format.bytes(status.waiting_bytes) })]
    : [];
  return { name, tone: toneOfGateway(gateway), lines: problem?.status ? [t("flow.away")] : said };
}

/** Of the gateways so many are drawn. */
const MOST_GATEWAYS = 6;

interface FlowProps {
  /** The first of those that are at `below` or below it, of `total`. */
  devices: readonly DeviceView[];
  total: number;
  below: string;
  states: Map<string, DeviceStatus>;
  system: Schemas["SystemStatus"] | undefined;
  gateways: readonly GatewayStanding[];
}

// texts: flow.*
export default function Flow({ devices, total, below, states, system, gateways }: FlowProps) {
  const status = useHistoryStatus();
  const history = since(status) ? undefined : status.data;
  // Only what is drawn of them counts: each round of answers is new, what it says seldom is.
  const drawn = JSON.stringify(gateways.slice(0, MOST_GATEWAYS).map(drawnGateway));
  const { nodes, edges } = useMemo(() => {
    const more = total - devices.length;
    const gateways = JSON.parse(drawn) as DrawnGateway[];
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
    gateways.forEach((gateway, index) => {
      made.push({
        id: `gateway/${gateway.name}`,
        type: "service",
        position: { x: COLUMN * 1.15, y: middle + (index - (gateways.length - 1) / 2) * ROW },
        data: { ...gateway, title: gateway.name, first: false, last: false },
      });
    });
    const count = (given: number | undefined) => (given === undefined ? "—" : format.count(given));
    const rate = history?.rate === undefined ? "—" : format.number(history.rate, 3);
    const last = COLUMN * 2.65;
    made.push(
      service(
        "bus",
        COLUMN * 1.9,
        middle,
        [t("flow.rate", { rate }), t("flow.message", { number: count(history?.last_sequence) })],
        "middle",
      ),
      service(
        "history",
        last,
        middle - ROW,
        [
          t("flow.rows", { count: count(history?.rows_total) }),
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
      ...gateways.map(({ name, tone }) => ({
        id: `bus/${name}`,
        source: `gateway/${name}`,
        target: "bus",
        animated: tone === "good",
        className: tone,
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
  }, [devices, total, below, states, system, drawn, history]);
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
