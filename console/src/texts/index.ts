/** All words that people read, by key. One language is loaded at a time; each page brings its own words. */

import type { Language } from "~/app/preferences";

export type Facts = Record<string, string | number>;

let words: Record<string, string> = {};

export async function loadTexts(language: Language): Promise<void> {
  words = (language === "zh" ? await import("./zh") : await import("./en")).default;
}

/** The words for a key, with `{fact}` filled in. A key without words is shown as itself, so that it is noticed. */
export function t(key: string, facts?: Facts): string {
  const text = words[key] ?? key;
  return facts ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(facts[name] ?? whole)) : text;
}
