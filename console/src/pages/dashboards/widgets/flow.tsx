/** A flow picture with live values. */

import { ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import "./parts.css";
import { useMemo } from "react";
import type { Widget } from "../model";
import { linesOf, PARTS, partsOf } from "./parts";

export default function FlowWidget({ widget }: { widget: Widget }) {
  const nodes = useMemo(() => partsOf(widget, false), [widget]);
  const edges = useMemo(() => linesOf(widget.edges), [widget.edges]);
  return (
    <div className="board-flow">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={PARTS}
        fitView
        fitViewOptions={{ padding: 0.12, maxZoom: 1.4 }}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        panOnDrag={false}
        preventScrolling={false}
      />
    </div>
  );
}
