/** The board while it is changed: widgets are dragged and resized, by mouse, touch or keys. */

import { ArrowsAltOutlined, DeleteOutlined, DragOutlined, SettingOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { type KeyboardEvent, useMemo, useState } from "react";
import { type Compactor, GridLayout, type Layout, type LayoutItem, useContainerWidth } from "react-grid-layout";
import { t } from "~/texts";
import { GAP, ROW } from "./canvas";
import { COLUMNS, LEAST, placed, type Widget } from "./model";
import { useTitle, WidgetBox } from "./widgets/widget";
import "./board.css";

interface EditorProps {
  widgets: readonly Widget[];
  onChange: (widgets: Widget[]) => void;
  onSettings: (id: string) => void;
}

/** While something is dragged the others stay; `placed` settles them when it is let go, as it does for the keys. */
const STILL: Compactor = { type: null, allowOverlap: true, compact: (layout) => layout };

/** Narrower than this, the board scrolls sideways: what is arranged is the board of a whole screen. */
const NARROWEST = 900;

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export default function Editor({ widgets, onChange, onSettings }: EditorProps) {
  const { width, containerRef, mounted } = useContainerWidth();
  const [said, say] = useState("");
  const layout = useMemo(
    () => widgets.map(({ id, place }) => ({ i: id, ...place, minW: LEAST.w, minH: LEAST.h })),
    [widgets],
  );

  function settle(_: Layout, before: LayoutItem | null, after: LayoutItem | null): void {
    if (!after || !before) return;
    const { i, x, y, w, h } = after;
    const same = before.x === x && before.y === y && before.w === w && before.h === h;
    if (!same) onChange(placed(widgets, i, { x, y, w, h }));
  }

  function onKey(event: KeyboardEvent, widget: Widget, resize: boolean): void {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const { x, y, w, h } = widget.place;
    const [across, down] = arrow;
    const wanted = resize ? { x, y, w: w + across, h: h + down } : { x: x + across, y: y + down, w, h };
    const after = placed(widgets, widget.id, wanted);
    const place = after.find((each) => each.id === widget.id)?.place ?? widget.place;
    onChange(after);
    say(t("dashboards.placed", { x: place.x + 1, y: place.y + 1, w: place.w, h: place.h }));
  }

  return (
    <div ref={containerRef} className="board-editor">
      <p className="board-said" role="status">
        {said}
      </p>
      {mounted && (
        <GridLayout
          width={Math.max(width, NARROWEST)}
          layout={layout}
          gridConfig={{ cols: COLUMNS, rowHeight: ROW, margin: [GAP, GAP], containerPadding: [0, 0] }}
          dragConfig={{ handle: ".board-move" }}
          resizeConfig={{ handles: ["se", "s", "e"] }}
          compactor={STILL}
          onDragStop={settle}
          onResizeStop={settle}
        >
          {widgets.map((widget) => (
            <div key={widget.id} className="board-cell">
              <WidgetBox
                widget={widget}
                tools={
                  <Tools
                    widget={widget}
                    onKey={onKey}
                    onSettings={onSettings}
                    onRemove={(id) => onChange(widgets.filter((each) => each.id !== id))}
                  />
                }
              />
            </div>
          ))}
        </GridLayout>
      )}
    </div>
  );
}

interface ToolsProps {
  widget: Widget;
  onKey: (event: KeyboardEvent, widget: Widget, resize: boolean) => void;
  onSettings: (id: string) => void;
  onRemove: (id: string) => void;
}

function Tools({ widget, onKey, onSettings, onRemove }: ToolsProps) {
  const name = useTitle(widget);
  const button = (text: string, icon: React.ReactNode) => ({
    size: "small" as const,
    type: "text" as const,
    icon,
    "aria-label": t(text, { name }),
    title: t(text, { name }),
  });
  return (
    <span className="board-tools">
      <Button
        {...button("dashboards.move", <DragOutlined />)}
        className="board-move"
        onKeyDown={(event) => onKey(event, widget, false)}
      />
      <Button
        {...button("dashboards.resize", <ArrowsAltOutlined />)}
        onKeyDown={(event) => onKey(event, widget, true)}
      />
      <Button {...button("dashboards.settings_of", <SettingOutlined />)} onClick={() => onSettings(widget.id)} />
      <Button {...button("dashboards.remove", <DeleteOutlined />)} onClick={() => onRemove(widget.id)} />
    </span>
  );
}
