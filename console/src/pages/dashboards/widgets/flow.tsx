/** A flow picture with live values. */

import { ReactFlow, type ReactFlowState, useReactFlow, useStore } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import "./parts.css";
import { useEffect, useMemo } from "react";
import type { Widget } from "../model";
import { linesOf, PARTS, partsOf } from "./parts";

const AROUND = { padding: 0.12 };

export default function FlowWidget({ widget }: { widget: Widget }) {
  const nodes = useMemo(() => partsOf(widget, false), [widget]);
  const edges = useMemo(() => linesOf(widget.edges), [widget.edges]);
  return (
    <div className="board-flow">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={PARTS}
        minZoom={0.2}
        maxZoom={1.4}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        panOnDrag={false}
        preventScrolling={false}
      >
        <Fitted />
      </ReactFlow>
    </div>
  );
}

/** Sizes of the widget and how many parts have one by now; live values that come and go change nothing of it. */
const sizeOf = ({ width, height, nodeLookup }: ReactFlowState) =>
  `${width} ${height} ${[...nodeLookup.values()].filter((node) => node.measured.width).length}`;

/** The whole picture stays in view and in the middle, also when the widget gets another size. */
function Fitted() {
  const { fitBounds, getNodes, getNodesBounds } = useReactFlow();
  const size = useStore(sizeOf);
  useEffect(() => {
    void fitBounds(getNodesBounds(getNodes()), AROUND);
  }, [fitBounds, getNodes, getNodesBounds, size]);
  return null;
}
