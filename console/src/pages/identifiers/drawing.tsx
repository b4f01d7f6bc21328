/** The tree of nodes as a picture: who delegates to whom, and how much each is asked now. */

import {
  Background,
  type Edge,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  useNodesInitialized,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useEffect, useMemo } from "react";
import * as format from "~/parts/format";
import { t } from "~/texts";
import "../overview/flow.css";
import { nameOf, rolesOf } from "./nodes";
import { type Branch, type NodeView, toneOf } from "./tree";

type TreeNode = Node<{ node: NodeView; top: boolean }, "node">;

const WIDTH = 216;
const HEIGHT = 132;

const One = memo(function One({ data: { node, top } }: NodeProps<TreeNode>) {
  const load = node.load;
  return (
    <div className={`flow-node node-card ${toneOf(node)}`}>
      {!top && <Handle type="target" position={Position.Top} isConnectable={false} />}
      <div className="flow-title">
        <b className="mono">{nameOf(node)}</b>
        <span className={`dot ${toneOf(node)}`} />
      </div>
      <div className="flow-line">{rolesOf(node)}</div>
      <div className="flow-line">
        {node.up
          ? t("nodes.card", {
              rate: load?.requests_per_second == null ? "—" : format.number(load.requests_per_second, 3),
              p95: node.p95_milliseconds === null ? "—" : format.number(node.p95_milliseconds, 3),
            })
          : t(node.up === null ? "nodes.unasked" : "nodes.silent")}
      </div>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
});

const TYPES = { node: One };

/** Where each node stands: leaves side by side, each other one above the middle of those below it. */
function placed(branches: readonly Branch[]): Map<string, { x: number; y: number }> {
  const places = new Map<string, { x: number; y: number }>();
  const below = (key: string) => branches.filter((branch) => branch.above === key);
  let column = 0;
  function place(branch: Branch): number {
    const inner = below(branch.key).map(place);
    const first = inner[0];
    const last = inner.at(-1);
    const x = first === undefined || last === undefined ? column++ * WIDTH : (first + last) / 2;
    places.set(branch.key, { x, y: branch.depth * HEIGHT });
    return x;
  }
  for (const branch of branches.filter((each) => each.above === undefined)) place(branch);
  return places;
}

/** Show all of it again whenever nodes come or go. */
function Fit({ count }: { count: number }) {
  const { fitView } = useReactFlow();
  const ready = useNodesInitialized();
  useEffect(() => {
    if (ready && count) void fitView({ maxZoom: 1, padding: 0.08 });
  }, [fitView, ready, count]);
  return null;
}

export default function Drawing({ branches }: { branches: Branch[] }) {
  const { nodes, edges } = useMemo(() => {
    const places = placed(branches);
    const made: TreeNode[] = branches.map(({ key, node, above }) => ({
      id: key,
      type: "node",
      position: places.get(key) ?? { x: 0, y: 0 },
      data: { node, top: above === undefined },
    }));
    const links: Edge[] = branches.flatMap(({ key, node, above }) =>
      above === undefined ? [] : [{ id: key, source: above, target: key, className: toneOf(node) }],
    );
    return { nodes: made, edges: links };
  }, [branches]);
  return (
    <div className="flow node-drawing">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        minZoom={0.2}
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.08 }}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        aria-label={t("nodes.title")}
      >
        <Background gap={24} />
        <Fit count={branches.length} />
      </ReactFlow>
    </div>
  );
}
