/** Whether a text, half-typed perhaps, is a board that can be drawn. What is wrong with it else, the server says. */

import { type Board, KINDS, SHAPES } from "./model";

type Check = (given: unknown) => boolean;

const isText: Check = (given) => typeof given === "string";
const isNumber: Check = (given) => typeof given === "number" && Number.isFinite(given);
const isFlag: Check = (given) => typeof given === "boolean";
/** Cells of the grid: beyond these nothing is drawn in reasonable time. */
const isCells: Check = (given) => Number.isInteger(given) && Math.abs(given as number) <= 1000;
const oneOf =
  (names: readonly string[]): Check =>
  (given) =>
    names.includes(given as string);
const maybe =
  (check: Check): Check =>
  (given) =>
    given === undefined || check(given);
/** Of different names, where a name is given: they are drawn by it. */
const listOf =
  (check: Check, name?: string): Check =>
  (given) =>
    Array.isArray(given) &&
    given.every(check) &&
    (!name || new Set(given.map((each) => each[name])).size === given.length);
const having =
  (checks: Record<string, Check>): Check =>
  (given) =>
    typeof given === "object" &&
    given !== null &&
    !Array.isArray(given) &&
    Object.entries(checks).every(([key, check]) => check((given as Record<string, unknown>)[key]));

/** The command line may have written that there is none. */
const limit: Check = (given) => given === undefined || given === null || isNumber(given);

const isLimits = having({ low_low: limit, low: limit, high: limit, high_high: limit });

const isBoard = having({
  name: maybe(isText),
  title: isText,
  description: maybe(isText),
  project: maybe(isText),
  shared: maybe(isFlag),
  widgets: maybe(
    listOf(
      having({
        id: isText,
        kind: oneOf(KINDS),
        place: having({ x: isCells, y: isCells, w: isCells, h: isCells }),
        title: maybe(isText),
        tags: maybe(listOf(isText)),
        seconds: maybe((given) => isNumber(given) && (given as number) > 0),
        low: limit,
        high: limit,
        limits: (given) => given === null || maybe(isLimits)(given),
        nodes: maybe(
          listOf(
            having({
              id: isText,
              x: isNumber,
              y: isNumber,
              label: maybe(isText),
              shape: maybe(oneOf(SHAPES)),
              tag: maybe(isText),
            }),
            "id",
          ),
        ),
        edges: maybe(listOf(having({ source: isText, target: isText }))),
      }),
      "id",
    ),
  ),
});

/** The board that a text describes; null where it cannot be drawn. */
export function shownOf(text: string): Board | null {
  try {
    const board: unknown = JSON.parse(text);
    return isBoard(board) ? (board as Board) : null;
  } catch {
    return null;
  }
}
