/** The parts of a flow picture: drawn, with their live value; in the editor they can be moved and joined. */

import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { useNow, useSample } from "~/live";
import { isOld, LiveValue } from "~/parts/live";
import type { FlowEdge, FlowNode, Shape, Widget } from "../model";
import { labelOf, useNamed } from "./tags";

export type PartNode = Node<{ node: FlowNode; joinable: boolean }, "part">;

const SHAPES: Record<Exclude<Shape, "text" | "box">, string> = {
  tank: "M8 10 C8 2 40 2 40 10 V38 C40 46 8 46 8 38 Z M8 10 C8 18 40 18 40 10",
  pump: "M24 8 A16 16 0 1 1 23.9 8 Z M14 14 L40 24 L14 34",
  valve: "M6 12 L42 36 V12 L6 36 Z M24 24 V8 M16 8 H32",
  motor: "M24 8 A16 16 0 1 1 23.9 8 Z M16 32 V16 L24 26 L32 16 V32",
};

const Part = memo(function Part({ data, selected }: NodeProps<PartNode>) {
  const { node, joinable } = data;
  const shape = node.shape ?? "box";
  return (
    <div className={`part ${shape} ${selected ? "selected" : ""}`}>
      <Handle type="target" position={Position.Left} isConnectable={joinable} />
      {shape !== "text" && shape !== "box" && (
        <svg viewBox="0 0 48 48" aria-hidden="true">
          <path d={SHAPES[shape]} />
        </svg>
      )}
      {node.tag ? <Read node={node} path={node.tag} /> : <span className="part-label">{node.label}</span>}
      <Handle type="source" position={Position.Right} isConnectable={joinable} />
    </div>
  );
});

function Read({ node, path }: { node: FlowNode; path: string }) {
  const tag = useNamed(path);
  const sample = useSample(path);
  const now = useNow();
  return (
    <span className={isOld(sample, now) ? "part-read old" : "part-read"} title={path}>
      <span className="part-label">{node.label || labelOf(path, tag)}</span>
      <LiveValue path={path} unit={tag?.unit} />
    </span>
  );
}

export const PARTS = { part: Part };

export function partsOf(widget: Widget, joinable: boolean): PartNode[] {
  return (widget.nodes ?? []).map((node) => ({
    id: node.id,
    type: "part",
    position: { x: node.x, y: node.y },
    data: { node, joinable },
  }));
}

export function linesOf(edges: readonly FlowEdge[] | undefined) {
  return (edges ?? []).map(({ source, target }) => ({
    id: `${source} ${target}`,
    source,
    target,
    type: "smoothstep",
    style: { strokeWidth: 2 },
  }));
}
