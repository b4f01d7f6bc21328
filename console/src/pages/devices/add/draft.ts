/** A device that somebody describes step by step; it outlives a reload of the page, and is forgotten once it is added. */

import type { Schemas } from "~/api/client";

export type Found = Schemas["Found"];
/** What is not said has its default. */
export type Point = Pick<Schemas["Point"], "name" | "address"> & Partial<Schemas["Point"]>;
export type Kind = NonNullable<Point["kind"]>;

export interface DraftPoint {
  /** Stays while the name is edited. */
  key: string;
  chosen: boolean;
  point: Point;
}

export interface Draft {
  name: string;
  path: string;
  description: string;
  driver: string;
  endpoint: string;
  gateway: string;
  options: Record<string, unknown>;
  profile: string;
  periodMs: number;
  /** Empty: what the driver usually does. */
  mode: string;
  points: DraftPoint[];
  /** The job of the last browse. */
  browse: string;
}

export const EMPTY: Draft = {
  name: "",
  path: "",
  description: "",
  driver: "",
  endpoint: "",
  gateway: "gateway",
  options: {},
  profile: "",
  periodMs: 500,
  mode: "",
  points: [],
  browse: "",
};

const PLACE = "lineshaft.new-device";

export function loadDraft(): Draft {
  try {
    return { ...EMPTY, ...(JSON.parse(sessionStorage.getItem(PLACE) ?? "{}") as Partial<Draft>) };
  } catch {
    return EMPTY;
  }
}

export function keepDraft(draft: Draft): void {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(draft));
  } catch {
    // The browser has no room for it: the draft then lasts as long as the page.
  }
}

export function forgetDraft(): void {
  sessionStorage.removeItem(PLACE);
}

/** One level of a path: what may not stand there becomes an underscore. */
export function level(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[+#/$\x00-\x1f\x7f]/g, "_").slice(0, 255) || "_";
}

/** Names for what was found, from the shortest: two of one name are told apart by the names above them. */
function* namesOf(found: Found): Generator<string> {
  const above = found.path?.length ? found.path : [found.name];
  for (let start = above.length - 1; start >= 0; start -= 1) yield level(above.slice(start).join("."));
}

/** Points for what a device offers and the draft has not yet, each with a name of its own. */
export function pointsOf(found: readonly Found[], present: readonly DraftPoint[]): DraftPoint[] {
  const known = new Set(present.map(({ point }) => point.address));
  const names = new Set(present.map(({ point }) => point.name));
  const points: DraftPoint[] = [];
  for (const one of found) {
    if (one.refused || known.has(one.address)) continue;
    let name = `${level(one.name)}~${names.size}`;
    for (const each of namesOf(one)) {
      if (names.has(each)) continue;
      name = each;
      break;
    }
    names.add(name);
    known.add(one.address);
    const { address, kind, unit, unit_text, description, low, high } = one;
    points.push(drafted({ name, address, kind, unit, unit_text, description, low, high }));
  }
  return points;
}

/** A unit as people write it; the server reads it as the same one. */
export function withSymbols<Thing extends { unit?: string }>(
  things: Thing[],
  symbols: Record<string, string>,
): Thing[] {
  return things.map((each) => (each.unit && symbols[each.unit] ? { ...each, unit: symbols[each.unit] } : each));
}

/** Points of a file that the draft has not yet. */
export function fresh(points: readonly Point[], present: readonly DraftPoint[]): DraftPoint[] {
  const names = new Set(present.map(({ point }) => point.name));
  const addresses = new Set(present.map(({ point }) => point.address));
  return points.filter((each) => !names.has(each.name) && !addresses.has(each.address)).map(drafted);
}

let count = 0;

export function drafted(point: Point): DraftPoint {
  count += 1;
  return { key: `${Date.now()}-${count}`, chosen: true, point };
}

/** What is asked of the server to try or to add it. */
export function bodyOf(draft: Draft, usual: string, points: boolean): Schemas["NewDeviceBody"] {
  const { name, path, description, driver, endpoint, gateway, options, profile } = draft;
  const body = { name, path, description, endpoint, gateway, options };
  if (profile) return { ...body, driver: "", profile } as Schemas["NewDeviceBody"];
  const mode = (draft.mode || usual) as "poll" | "subscribe";
  return {
    ...body,
    driver,
    groups: [{ name: "main", mode, period_ms: draft.periodMs }],
    points: points ? draft.points.filter((each) => each.chosen).map((each) => each.point) : [],
  } as Schemas["NewDeviceBody"];
}
