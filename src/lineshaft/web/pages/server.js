// Calls on the server, with the session's CSRF token; a refusal becomes a Problem with a sentence for people.

import { language, text } from "./texts.js";

export class Problem extends Error {
  constructor(status, document) {
    super([document.title, document.hint].filter(Boolean).join(" "));
    this.status = status;
    this.code = document.code;
  }
}

let csrf = "";

export async function call(method, path, body) {
  const headers = { "Accept-Language": language };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { title: text("unreachable"), code: "unreachable" });
  }
  const answer = await response.text();
  let document;
  try {
    document = answer ? JSON.parse(answer) : null;
  } catch {
    document = null; // a proxy's page, not ours
  }
  if (!response.ok) throw new Problem(response.status, document ?? { title: `${response.status}` });
  if (document?.csrf) csrf = document.csrf;
  return document;
}

// Every item of a paged list, up to a limit.
export async function list(path, limit) {
  const items = [];
  let cursor = "";
  do {
    const page = await call("GET", `${path}?limit=1000${cursor}`);
    items.push(...page.items);
    cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : "";
  } while (cursor && items.length < limit);
  return items;
}
