/** An answer, and how it can be drawn: times or numbers along the bottom, the other numbers up, one line for each tag. */

export type Cell = string | number | boolean | null | object;

export interface Result {
  columns: { name: string; type: string }[];
  rows: Cell[][];
  /** There were more rows than JSON gives. */
  truncated: boolean;
}

export interface Plot {
  /** What stands along the bottom: a column of times or numbers, or names. */
  x: { name: string; kind: "time" | "number" | "name" };
  names: string[];
  lines: { name: string; points: [number, number][] }[];
  /** Lines beyond those drawn. */
  left: number;
}

export const MOST_LINES = 20;
const MOST_NAMES = 200;

export function isTime(type: string): boolean {
  return type.startsWith("timestamp") || type.startsWith("date");
}

export function isNumber(type: string): boolean {
  return /^(u?int|float|double|half|decimal)/.test(type);
}

/** How to draw an answer; null where there is nothing to draw. */
export function plotOf({ columns, rows }: Result): Plot | null {
  const places = columns.map((_, place) => place);
  const typeOf = (place: number) => columns[place]?.type ?? "";
  const numbers = places.filter((place) => isNumber(typeOf(place)));
  const text = places.find((place) => typeOf(place) === "string");
  const time = places.find((place) => isTime(typeOf(place)));
  if (rows.length === 0 || numbers.length === 0) return null;
  if (time !== undefined) return lined(columns, rows, time, "time", numbers, text);
  const [first, ...others] = numbers;
  if (text === undefined) return others.length ? lined(columns, rows, first as number, "number", others, text) : null;
  return named(columns, rows, text, numbers);
}

function lined(
  columns: Result["columns"],
  rows: Cell[][],
  x: number,
  kind: "time" | "number",
  ups: number[],
  text: number | undefined,
): Plot {
  const found = new Map<string, [number, number][]>();
  for (const row of rows) {
    const at = kind === "time" ? Date.parse(String(row[x])) : row[x];
    if (typeof at !== "number" || Number.isNaN(at)) continue;
    for (const up of ups) {
      const value = row[up];
      if (typeof value !== "number") continue;
      const name = lineName(text === undefined ? "" : String(row[text]), columns[up]?.name ?? "", ups.length);
      const points = found.get(name);
      if (points) points.push([at, value]);
      else found.set(name, [[at, value]]);
    }
  }
  const lines = [...found].map(([name, points]) => ({ name, points: points.sort((one, other) => one[0] - other[0]) }));
  return {
    x: { name: columns[x]?.name ?? "", kind },
    names: [],
    lines: lines.slice(0, MOST_LINES),
    left: Math.max(0, lines.length - MOST_LINES),
  };
}

function lineName(tag: string, column: string, columns: number): string {
  const short = tag.split("/").slice(-2).join("/");
  if (!short) return column;
  return columns > 1 ? `${short} ${column}` : short;
}

function named(columns: Result["columns"], rows: Cell[][], text: number, ups: number[]): Plot {
  const shown = rows.slice(0, MOST_NAMES);
  const names = shown.map((row) => String(row[text]).split("/").slice(-2).join("/"));
  const lines = ups.slice(0, MOST_LINES).map((up) => ({
    name: columns[up]?.name ?? "",
    points: shown.flatMap((row, index): [number, number][] => {
      const value = row[up];
      return typeof value === "number" ? [[index, value]] : [];
    }),
  }));
  return {
    x: { name: columns[text]?.name ?? "", kind: "name" },
    names,
    lines,
    left: Math.max(0, ups.length - MOST_LINES),
  };
}

/** The rows by one column; what is missing comes last. */
export function sortedBy(rows: readonly Cell[][], place: number, descending: boolean): Cell[][] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [one[place] ?? null, other[place] ?? null];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b));
  });
}
