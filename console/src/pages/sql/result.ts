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

/** Milliseconds since 1970 of a time as the server writes it: where it names no zone it is UTC, as all of SQL is. */
export function timeOf(text: string): number {
  return Date.parse(
    /T.*([zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !/[T ]/.test(text) ? text : `${text.replace(" ", "T")}Z`,
  );
}

/** How to draw an answer; null where there is nothing to draw. */
export function plotOf({ columns, rows }: Result): Plot | null {
  const places = columns.map((_, place) => place);
  const typeOf = (place: number) => columns[place]?.type ?? "";
  const numbers = places.filter((place) => isNumber(typeOf(place)));
  const texts = places.filter((place) => typeOf(place) === "string");
  const time = places.find((place) => isTime(typeOf(place)));
  if (rows.length === 0 || numbers.length === 0) return null;
  if (time !== undefined) return lined(columns, rows, time, "time", numbers, texts);
  const [first, ...others] = numbers;
  if (texts.length === 0) return others.length ? lined(columns, rows, first as number, "number", others, texts) : null;
  return named(columns, rows, texts, numbers);
}

function lined(
  columns: Result["columns"],
  rows: Cell[][],
  x: number,
  kind: "time" | "number",
  ups: number[],
  texts: number[],
): Plot {
  const found = new Map<string, { row: Cell[]; up: number; points: [number, number][] }>();
  for (const row of rows) {
    const at = kind === "time" ? timeOf(String(row[x])) : row[x];
    if (typeof at !== "number" || Number.isNaN(at)) continue;
    for (const up of ups) {
      const value = row[up];
      if (typeof value !== "number") continue;
      const key = JSON.stringify([...texts.map((text) => row[text]), up]);
      const line = found.get(key) ?? { row, up, points: [] };
      line.points.push([at, value]);
      found.set(key, line);
    }
  }
  const drawn = [...found.values()].slice(0, MOST_LINES);
  const names = namesOf(
    drawn.map((line) => line.row),
    texts,
  );
  const lines = drawn.map(({ up, points }, index) => {
    const column = columns[up]?.name ?? "";
    const parts = [names[index], ups.length > 1 || !names[index] ? column : ""];
    return { name: parts.filter(Boolean).join(" "), points: points.sort((one, other) => one[0] - other[0]) };
  });
  return {
    x: { name: columns[x]?.name ?? "", kind },
    names: [],
    lines,
    left: Math.max(0, found.size - MOST_LINES),
  };
}

/** What tells the rows apart, in few words: the first text, and of the others those that it does not tell apart. */
function namesOf(rows: readonly Cell[][], texts: readonly number[]): string[] {
  const differing = (places: readonly number[]) =>
    new Set(rows.map((row) => JSON.stringify(places.map((place) => row[place])))).size;
  const kept: number[] = [];
  for (const text of texts) {
    if (kept.length === 0 || differing([...kept, text]) > differing(kept)) kept.push(text);
  }
  const columns = kept.map((text) => shortened(rows.map((row) => String(row[text] ?? ""))));
  return rows.map((_, index) => columns.map((column) => column[index]).join(" · "));
}

const SHORT = 2;

/** The ends of paths, each as long as it takes to tell it from the others. */
export function shortened(paths: readonly string[]): string[] {
  const all = [...new Set(paths)].map((path) => path.split("/"));
  const end = (parts: readonly string[], levels: number) => parts.slice(-levels).join("/");
  const short = new Map(
    all.map((parts) => {
      let levels = SHORT;
      const alike = () => all.filter((other) => end(other, levels) === end(parts, levels)).length;
      while (levels < parts.length && alike() > 1) levels += 1;
      return [parts.join("/"), end(parts, levels)];
    }),
  );
  return paths.map((path) => short.get(path) ?? path);
}

function named(columns: Result["columns"], rows: Cell[][], texts: number[], ups: number[]): Plot {
  const shown = rows.slice(0, MOST_NAMES);
  const names = namesOf(shown, texts);
  const lines = ups.slice(0, MOST_LINES).map((up) => ({
    name: columns[up]?.name ?? "",
    points: shown.flatMap((row, index): [number, number][] => {
      const value = row[up];
      return typeof value === "number" ? [[index, value]] : [];
    }),
  }));
  return {
    x: { name: columns[texts[0] ?? 0]?.name ?? "", kind: "name" },
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
