/** A dashboard's document: read from its text, written back to it, and where widgets may stand. */

export type Kind = "value" | "gauge" | "trend" | "bar" | "table" | "flow";
export type Shape = "box" | "tank" | "pump" | "valve" | "motor" | "text";

export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Limits {
  low_low?: number;
  low?: number;
  high?: number;
  high_high?: number;
}

export interface FlowNode {
  id: string;
  x: number;
  y: number;
  label?: string;
  shape?: Shape;
  tag?: string;
}

export interface FlowEdge {
  source: string;
  target: string;
}

export interface Widget {
  id: string;
  kind: Kind;
  place: Place;
  title?: string;
  tags?: string[];
  seconds?: number;
  low?: number;
  high?: number;
  limits?: Limits;
  nodes?: FlowNode[];
  edges?: FlowEdge[];
}

export interface Board {
  schema: string;
  name: string;
  title: string;
  description?: string;
  project?: string;
  shared?: boolean;
  widgets?: Widget[];
}

export const SCHEMA = "lineshaft.dashboard/1";
export const COLUMNS = 24;
export const KINDS: readonly Kind[] = ["value", "gauge", "trend", "bar", "table", "flow"];
export const SHAPES: readonly Shape[] = ["box", "tank", "pump", "valve", "motor", "text"];
export const MOST_TAGS: Record<Kind, number> = { value: 1, gauge: 1, trend: 10, bar: 20, table: 50, flow: 0 };
export const TREND_SECONDS = 3600;
const SIZES: Record<Kind, { w: number; h: number }> = {
  value: { w: 4, h: 3 },
  gauge: { w: 5, h: 5 },
  trend: { w: 12, h: 7 },
  bar: { w: 8, h: 6 },
  table: { w: 12, h: 7 },
  flow: { w: 12, h: 8 },
};
/** Smaller than this, nothing can be read on it. */
export const LEAST = { w: 3, h: 2 };

export function read(text: string): Board {
  return JSON.parse(text) as Board;
}

export function write(board: Board): string {
  return `${JSON.stringify(board, null, 2)}\n`;
}

/** Every tag that a widget shows. */
export function tagsOf(widget: Widget): string[] {
  const nodes = (widget.nodes ?? []).flatMap((node) => (node.tag ? [node.tag] : []));
  return [...(widget.tags ?? []), ...nodes];
}

export function overlaps(one: Place, other: Place): boolean {
  return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}

/** The first place of a size where nothing stands yet, from the top. */
export function freePlace(widgets: readonly Widget[], { w, h }: { w: number; h: number }): Place {
  const end = Math.max(0, ...widgets.map(({ place }) => place.y + place.h));
  for (let y = 0; y < end; y += 1)
    for (let x = 0; x + w <= COLUMNS; x += 1) {
      const place = { x, y, w, h };
      if (!widgets.some((widget) => overlaps(widget.place, place))) return place;
    }
  return { x: 0, y: end, w, h };
}

/** The widgets with one at another place: kept on the grid, those it would lie upon go down. */
export function placed(widgets: readonly Widget[], id: string, wanted: Place): Widget[] {
  const w = Math.min(COLUMNS, Math.max(LEAST.w, wanted.w));
  const h = Math.max(LEAST.h, wanted.h);
  const place = { x: Math.min(COLUMNS - w, Math.max(0, wanted.x)), y: Math.max(0, wanted.y), w, h };
  const settled: Widget[] = [];
  const moved = widgets.map((widget) => (widget.id === id ? { ...widget, place } : widget));
  // The one that was moved stays where it was put; the others settle around it, the upper ones first.
  const order = [...moved].sort((one, other) =>
    one.id === id ? -1 : other.id === id ? 1 : one.place.y - other.place.y || one.place.x - other.place.x,
  );
  for (const widget of order) {
    let { y } = widget.place;
    for (;;) {
      const here = { ...widget.place, y };
      const under = settled.find((each) => overlaps(each.place, here));
      if (!under) break;
      y = under.place.y + under.place.h;
    }
    settled.push({ ...widget, place: { ...widget.place, y } });
  }
  return moved.map((widget) => settled.find((each) => each.id === widget.id) ?? widget);
}

export function newId(kind: Kind, widgets: readonly Widget[]): string {
  const taken = new Set(widgets.map((widget) => widget.id));
  let number = 1;
  while (taken.has(`${kind}-${number}`)) number += 1;
  return `${kind}-${number}`;
}

export function newWidget(kind: Kind, widgets: readonly Widget[], tags: readonly string[] = []): Widget {
  const widget: Widget = { id: newId(kind, widgets), kind, place: freePlace(widgets, SIZES[kind]) };
  return tags.length ? { ...widget, tags: tags.slice(0, MOST_TAGS[kind]) } : widget;
}

const MOST_VALUES = 6;

/** A first dashboard of some tags: a value for each of the first ones, a trend, and a table of all. */
export function madeOf(tags: readonly string[]): Widget[] {
  const widgets: Widget[] = [];
  const add = (kind: Kind, shown: readonly string[]) => widgets.push(newWidget(kind, widgets, shown));
  for (const tag of tags.slice(0, MOST_VALUES)) add("value", [tag]);
  if (tags.length) {
    add("trend", tags);
    add("table", tags);
  }
  return widgets;
}

/** A name that an address can hold, of a title. */
export function nameOf(title: string): string {
  const plain = title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 50);
  return plain || `dashboard-${Date.now().toString(36)}`;
}

/** How a value stands to its limits. */
export function toneOf(value: number | null | undefined, limits: Limits | undefined): "" | "warn" | "bad" {
  if (typeof value !== "number" || !limits) return "";
  const { low_low: lowest, low, high, high_high: highest } = limits;
  if ((lowest !== undefined && value <= lowest) || (highest !== undefined && value >= highest)) return "bad";
  if ((low !== undefined && value <= low) || (high !== undefined && value >= high)) return "warn";
  return "";
}

/** The ends of a scale: those given, else round ones that hold the values and their limits. */
export function scaleOf(
  widget: Pick<Widget, "low" | "high" | "limits">,
  values: readonly (number | null | undefined)[],
): { low: number; high: number } {
  const known = [...values, ...Object.values(widget.limits ?? {})].filter((each) => typeof each === "number");
  const most = Math.max(...known, 0);
  const least = Math.min(...known, 0);
  const low = widget.low ?? round(least);
  const high = widget.high ?? round(most);
  return high > low ? { low, high } : { low, high: low + 1 };
}

/** The next round number away from zero. */
function round(value: number): number {
  if (value === 0) return 0;
  const unit = 10 ** Math.floor(Math.log10(Math.abs(value)));
  const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
  return Math.sign(value) * unit * (steps.find((step) => step * unit >= Math.abs(value) * 1.02) ?? 10);
}
