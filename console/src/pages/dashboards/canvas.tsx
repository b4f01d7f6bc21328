/** The board itself: its widgets where the document has them. On a narrow screen they stand one below the other. */

import { type ReactNode, useMemo } from "react";
import type { Widget } from "./model";
import { WidgetBox } from "./widgets/widget";
import "./board.css";

export const ROW = 44;
export const GAP = 10;

export function Canvas({ widgets, toolsOf }: { widgets: readonly Widget[]; toolsOf?: (widget: Widget) => ReactNode }) {
  // The order in which they are read, and stand on a narrow screen: by rows, then from the left.
  const ordered = useMemo(
    () => [...widgets].sort((one, other) => one.place.y - other.place.y || one.place.x - other.place.x),
    [widgets],
  );
  return (
    <div className="board-canvas" style={{ gridAutoRows: ROW, gap: GAP }}>
      {ordered.map((widget) => (
        <div
          key={widget.id}
          className="board-cell"
          style={{
            gridColumn: `${widget.place.x + 1} / span ${widget.place.w}`,
            gridRow: `${widget.place.y + 1} / span ${widget.place.h}`,
            minHeight: widget.place.h * ROW,
          }}
        >
          <WidgetBox widget={widget} tools={toolsOf?.(widget)} />
        </div>
      ))}
    </div>
  );
}
