/** Drawing a flow picture: parts are dragged, joined by their handles, and described in a form. */

import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { type Connection, Controls, type NodeChange, ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import "./widgets/parts.css";
import { Button, Form, Input, Select } from "antd";
import { useMemo, useState } from "react";
import { Nothing } from "~/parts/page";
import { Picker } from "~/parts/trend/picker";
import { t } from "~/texts";
import { type FlowEdge, type FlowNode, SHAPES, type Shape, type Widget } from "./model";
import { linesOf, PARTS, partsOf } from "./widgets/parts";

const STEP = 10;
const APART = 190;
const IN_A_ROW = 4;
const MOST_NODES = 40;

interface FlowEditorProps {
  widget: Widget;
  onChange: (widget: Widget) => void;
}

export default function FlowEditor({ widget, onChange }: FlowEditorProps) {
  const [selected, select] = useState<string>();
  const nodes = useMemo(
    () => partsOf(widget, true).map((node) => ({ ...node, selected: node.id === selected })),
    [widget, selected],
  );
  const edges = useMemo(() => linesOf(widget.edges), [widget.edges]);
  const given = widget.nodes ?? [];
  const part = given.find((node) => node.id === selected);

  const setNodes = (next: FlowNode[]) => onChange({ ...widget, nodes: next });
  const setEdges = (next: FlowEdge[]) => onChange({ ...widget, edges: next });

  function move(changes: NodeChange[]): void {
    const moved = new Map(
      changes.flatMap((change) =>
        change.type === "position" && change.position ? [[change.id, change.position] as const] : [],
      ),
    );
    const chosen = changes.find((change) => change.type === "select" && change.selected);
    if (chosen && "id" in chosen) select(chosen.id);
    if (moved.size === 0) return;
    setNodes(
      given.map((node) => {
        const to = moved.get(node.id);
        return to ? { ...node, x: Math.round(to.x / STEP) * STEP, y: Math.round(to.y / STEP) * STEP } : node;
      }),
    );
  }

  function join({ source, target }: Connection): void {
    const known = widget.edges ?? [];
    if (source === target || known.some((edge) => edge.source === source && edge.target === target)) return;
    setEdges([...known, { source, target }]);
  }

  function add(): void {
    let number = given.length + 1;
    while (given.some((node) => node.id === `part-${number}`)) number += 1;
    const place = { x: (given.length % IN_A_ROW) * APART, y: Math.floor(given.length / IN_A_ROW) * 110 };
    setNodes([...given, { id: `part-${number}`, ...place, label: t("dashboards.part_new", { number }) }]);
    select(`part-${number}`);
  }

  function remove(id: string): void {
    onChange({
      ...widget,
      nodes: given.filter((node) => node.id !== id),
      edges: (widget.edges ?? []).filter((edge) => edge.source !== id && edge.target !== id),
    });
    select(undefined);
  }

  return (
    <>
      <div className="button-row">
        <Button icon={<PlusOutlined />} disabled={given.length >= MOST_NODES} onClick={add}>
          {t("dashboards.part_add")}
        </Button>
      </div>
      <p className="quiet">{t("dashboards.flow_help")}</p>
      <div className="flow-editor">
        {given.length === 0 ? (
          <Nothing title={t("dashboards.flow_none")} />
        ) : (
          <ReactFlow
            key={given.length} // with another part all of them are brought into view
            nodes={nodes}
            edges={edges}
            nodeTypes={PARTS}
            onNodesChange={move}
            onConnect={join}
            onEdgesDelete={(gone) => {
              const ids = new Set(gone.map((edge) => edge.id));
              setEdges((widget.edges ?? []).filter((edge) => !ids.has(`${edge.source} ${edge.target}`)));
            }}
            onNodesDelete={(gone) => gone[0] && remove(gone[0].id)}
            onPaneClick={() => select(undefined)}
            snapToGrid
            snapGrid={[STEP, STEP]}
            fitView
            fitViewOptions={{ padding: 0.2, maxZoom: 1.2 }}
          >
            <Controls showInteractive={false} />
          </ReactFlow>
        )}
      </div>
      <Select
        className="flow-part"
        value={selected ?? null}
        aria-label={t("dashboards.part")}
        placeholder={t("dashboards.part")}
        options={given.map((node) => ({ value: node.id, label: node.label || node.id }))}
        onChange={(id) => select(id ?? undefined)}
      />
      {part && (
        <PartFields
          part={part}
          onChange={(changed) => setNodes(given.map((node) => (node.id === part.id ? changed : node)))}
          onRemove={() => remove(part.id)}
        />
      )}
    </>
  );
}

// texts: dashboards.shape.*
function PartFields({
  part,
  onChange,
  onRemove,
}: {
  part: FlowNode;
  onChange: (part: FlowNode) => void;
  onRemove: () => void;
}) {
  const { tag: _, ...untagged } = part;
  return (
    <div className="part-fields">
      <Form.Item label={t("dashboards.part_label")}>
        <Input
          value={part.label ?? ""}
          maxLength={120}
          aria-label={t("dashboards.part_label")}
          onChange={(event) => onChange({ ...part, label: event.target.value })}
        />
      </Form.Item>
      <Form.Item label={t("dashboards.part_shape")}>
        <Select<Shape>
          value={part.shape ?? "box"}
          aria-label={t("dashboards.part_shape")}
          options={SHAPES.map((value) => ({ value, label: t(`dashboards.shape.${value}`) }))}
          onChange={(shape) => onChange({ ...part, shape })}
        />
      </Form.Item>
      <Form.Item label={t("dashboards.part_tag")}>
        <Picker
          tags={part.tag ? [part.tag] : []}
          most={2}
          onChange={(tags) => {
            const tag = tags.at(-1); // another one takes the place of the first
            onChange(tag ? { ...part, tag } : untagged);
          }}
        />
      </Form.Item>
      <Button danger icon={<DeleteOutlined />} onClick={onRemove}>
        {t("dashboards.part_remove")}
      </Button>
    </div>
  );
}
