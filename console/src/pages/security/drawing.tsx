/** Zones by their security level, the most guarded at the bottom; conduits between them. */

import {
  Background,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useMemo } from "react";
import type { Schemas } from "~/api/client";
import { t } from "~/texts";
import "../overview/flow.css";

type ZoneNode = Node<{ zone: Schemas["Zone"] }, "zone">;

const WIDTH = 300;
const HEIGHT = 150;

function Zone({ data }: NodeProps<ZoneNode>) {
  const { zone } = data;
  return (
    <div className="flow-node zone-node">
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <div className="flow-title">
        <b>{zone.name}</b>
        <span className="chip">SL {zone.security_level ?? 1}</span>
      </div>
      <div className="flow-line">{zone.description}</div>
      <div className="flow-line">
        {t("security.zone_note", { members: zone.members?.length ?? 0, networks: zone.networks?.join(", ") || "—" })}
      </div>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}

const TYPES = { zone: Zone };

export default function Drawing({ plan }: { plan: Schemas["ZonePlan"] }) {
  const { nodes, edges } = useMemo(() => {
    const levels = [...new Set(plan.zones.map((zone) => zone.security_level ?? 1))].sort((one, other) => one - other);
    const placed = new Map<number, number>();
    const made: ZoneNode[] = plan.zones.map((zone) => {
      const level = zone.security_level ?? 1;
      const column = placed.get(level) ?? 0;
      placed.set(level, column + 1);
      return {
        id: zone.name,
        type: "zone",
        position: { x: column * WIDTH, y: levels.indexOf(level) * HEIGHT },
        data: { zone },
      };
    });
    const links: Edge[] = plan.conduits.map((conduit) => ({
      id: conduit.name,
      source: conduit.from,
      target: conduit.to,
      label: conduit.name,
      markerEnd: { type: MarkerType.ArrowClosed },
      ...(conduit.both_ways ? { markerStart: { type: MarkerType.ArrowClosed } } : {}),
    }));
    return { nodes: made, edges: links };
  }, [plan]);
  return (
    <div className="flow zone-drawing">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        fitView
        fitViewOptions={{ maxZoom: 1 }}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        aria-label={t("security.zones")}
      >
        <Background gap={24} />
      </ReactFlow>
    </div>
  );
}
