/** Calls on the server. Types come from its own description; a refusal becomes a `Problem` with a sentence for people. */

import createClient from "openapi-fetch";
import { preferences } from "~/app/preferences";
import { t } from "~/texts";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** A sentence with its full stop: titles of problems come without one. */
function ended(sentence: string): string {
  if (!sentence || /[.!?。！？…]$/.test(sentence)) return sentence;
  return sentence + (preferences.get().language === "zh" ? "。" : ".");
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly hint: string,
    /** What the sentence was made from. */
    readonly facts: Record<string, unknown> = {},
  ) {
    super([ended(title), hint].filter(Boolean).join(" "));
  }
}

let csrf = "";
let signedInAgain: () => Promise<boolean> = () => Promise.resolve(false);

/** The session's token that proves a call to be our own page's. */
export function keepCsrf(token: string): void {
  csrf = token;
}

/** Say what to do once the server no longer knows the session: whether the same person has signed in again. */
export function onSessionEnd(work: () => Promise<boolean>): void {
  signedInAgain = work;
}

async function send(request: Request): Promise<Response> {
  request.headers.set("Accept-Language", preferences.get().language);
  if (request.method !== "GET" && csrf) request.headers.set("X-CSRF-Token", csrf);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", t("problem.unreachable"), "");
  }
  if (response.ok) return response;
  if (response.status === 401 && !request.url.includes("/access/session")) {
    const again = signedInAgain();
    // A page that only looks never learns of it: what it asked is asked again, and what was typed there stays.
    if (request.method === "GET" && (await again)) return send(request);
  }
  throw await problemOf(response);
}

async function problemOf(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
  const title = body.title ?? `HTTP ${response.status}`;
  return new Problem(response.status, body.code ?? "", title, body.hint ?? "", body.facts ?? {});
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: send });

/** The body of an answer; refusals were thrown before. */
export async function take<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
