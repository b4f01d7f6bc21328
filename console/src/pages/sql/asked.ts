/** What is asked: the statement, the tags and the time it is about. It stands in the address; the last ones are kept. */

import type { Sort } from "~/parts/grid";

export interface Asked {
  sql: string;
  tags: string[];
  from: string;
  to: string;
}

/** A statement longer than this would make an address that servers refuse; it stays in the browser. */
const LONGEST_IN_ADDRESS = 6000;
const KEPT = 10;

export function askedOf(params: URLSearchParams): Asked {
  return {
    sql: params.get("sql") ?? "",
    tags: [...new Set(params.getAll("tag"))],
    from: params.get("from") ?? "-1h",
    to: params.get("to") ?? "now",
  };
}

export function paramsOf(asked: Asked): URLSearchParams {
  const params = new URLSearchParams(asked.tags.map((tag) => ["tag", tag]));
  params.set("from", asked.from);
  if (asked.to !== "now") params.set("to", asked.to);
  if (asked.sql.length <= LONGEST_IN_ADDRESS) params.set("sql", asked.sql);
  return params;
}

/** Whether it was run before, just so: an address that anybody may have sent runs nothing by itself that is new. */
export function isKnown(list: readonly Asked[], asked: Asked): boolean {
  const whole = (each: Asked) => JSON.stringify([each.sql.trim(), each.tags, each.from, each.to]);
  return list.some((each) => whole(each) === whole(asked));
}

/** The order of the rows: the column's name, with `desc` beside it where the greatest come first. */
export function sortOf(params: URLSearchParams): Sort | undefined {
  const key = params.get("sort");
  return key === null ? undefined : { key, descending: params.has("desc") };
}

export function withSort(params: URLSearchParams, sort: Sort): URLSearchParams {
  const after = new URLSearchParams(params);
  after.set("sort", sort.key);
  if (sort.descending) after.set("desc", "1");
  else after.delete("desc");
  return after;
}

/** The list with this one at its front, and each statement once. */
export function remembered(list: readonly Asked[], asked: Asked): Asked[] {
  return [asked, ...list.filter((each) => each.sql.trim() !== asked.sql.trim())].slice(0, KEPT);
}

/** Of each person in this browser. */
const keyOf = (person: string) => `lineshaft.sql.${person}`;

export function recall(person: string): Asked[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(person)) ?? "[]");
    return Array.isArray(kept) ? (kept as Asked[]).filter((each) => typeof each.sql === "string") : [];
  } catch {
    return []; // storage may be switched off, or hold what is not ours
  }
}

export function keep(person: string, list: readonly Asked[]): void {
  try {
    localStorage.setItem(keyOf(person), JSON.stringify(list));
  } catch {
    // then they are there until the page is left
  }
}
