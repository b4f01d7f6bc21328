// The first page: sign in, or use a one-time link; then the table of live values.

import { Live } from "./live.js";
import * as passkeys from "./passkeys.js";
import { Problem, call, list } from "./server.js";
import { language, switchLanguage, text, translate } from "./texts.js";

const MOST_TAGS = 20000, MOST_ROWS = 200, OLD_SECONDS = 30;
const VIEWS = ["sign-in", "break-glass", "invitation", "password", "live"];
const SIGNED_OUT = ["sign-in", "break-glass", "invitation"];

const by = (id) => document.getElementById(id);
let invitation = "";
let methods = { passkey: false, oidc: null };
let tags = [];
let rows = new Map(); // path → {row, cells, time, q}
let newest = 0; // source time of the newest value, µs
let link = { connected: false, stale: false, began: false };
let turn = 0; // counts sign-ins and their ends: an answer that comes after the next one concerns nobody any more

const live = new Live({ values: takeValues, state: takeState, refused: checkSession });

function view(name) {
  for (const each of VIEWS) by(each).hidden = each !== name;
  by("account").hidden = SIGNED_OUT.includes(name);
  by(name).querySelector("input:not([hidden])")?.focus();
}

function say(sentence, fine = false) {
  by("notice").hidden = !sentence;
  by("notice").textContent = sentence;
  by("notice").classList.toggle("fine", fine);
}

// A form that calls the server: its button rests meanwhile, a refusal is shown.
function onSubmit(id, work) {
  const form = by(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    const fields = Object.fromEntries(new FormData(form));
    if ("again" in fields && fields.again !== fields.password) return say(text("not_same"));
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      await work(fields);
      form.reset();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(problem.message);
    } finally {
      button.disabled = false;
    }
  });
}

// A button that asks the authenticator: it rests meanwhile, a refusal is shown.
function onPasskey(id, work) {
  by(id).addEventListener("click", async () => {
    say("");
    by(id).disabled = true;
    try {
      await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(problem.message);
    } finally {
      by(id).disabled = false;
    }
  });
}

// Which ways to sign in there are here beside name and password.
async function showMethods() {
  try {
    methods = await call("GET", "/api/v1/access/session:methods");
  } catch {
    return; // name and password are always there
  }
  by("passkey").hidden = by("add-passkey").hidden = !(methods.passkey && passkeys.possible());
  by("oidc").hidden = !methods.oidc;
  nameMethods();
}

function nameMethods() {
  by("oidc").textContent = methods.oidc ? text("oidc", { name: methods.oidc }) : "";
}

async function begin(session) {
  const mine = ++turn;
  by("name").textContent = session.name;
  by("password").elements.username.value = session.name;
  view("live");
  try {
    const found = await list("/api/v1/history/tags", MOST_TAGS);
    if (mine !== turn) return;
    tags = found;
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.status === 403) return say(text("forbidden"));
    say(problem.message);
    tags = [];
  }
  show();
  live.stop();
  live.start();
}

function end(sentence = "") {
  turn += 1;
  live.stop();
  rows = new Map();
  by("rows").replaceChildren();
  link = { connected: false, stale: false, began: false };
  say(sentence);
  view("sign-in");
}

// A one-time link may be for one person, or let its holder choose a name.
async function welcome() {
  try {
    const { name } = await call("POST", "/api/v1/access/invitations/describe", { invitation });
    const field = by("invitation").elements.name;
    field.value = name ?? "";
    field.readOnly = Boolean(name);
    view("invitation");
  } catch (problem) {
    say(problem.message);
    view("sign-in");
  }
}

// Is the session still there? Asked when the socket cannot be opened or was closed on us.
async function checkSession() {
  const mine = turn;
  try {
    await call("GET", "/api/v1/access/session");
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.status === 401) end(text("session_over"));
    if (problem.status === 403) { live.stop(); say(problem.message); }
  }
}

// ---- the table ----

function show() {
  const word = by("filter").value.trim().toLowerCase();
  const fitting = tags.filter((tag) => !word || `${tag.path} ${tag.description}`.toLowerCase().includes(word));
  const shown = fitting.slice(0, MOST_ROWS);
  const before = rows;
  rows = new Map(shown.map((tag) => [tag.path, before.get(tag.path) ?? makeRow(tag)]));
  by("rows").replaceChildren(...[...rows.values()].map((entry) => entry.row));
  by("count").textContent = tags.length ? text("count", { shown: shown.length, total: tags.length }) : text("no_tags");
  live.show(shown.map((tag) => tag.path));
}

function makeRow(tag) {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  const path = document.createElement("span");
  path.className = "path";
  path.textContent = tag.path.split("/").slice(0, -1).join("/");
  name.append(tag.path.split("/").at(-1), path);
  const cells = {};
  row.append(name);
  for (const field of ["value", "unit", "quality", "age", "description"]) {
    cells[field] = document.createElement("td");
    row.append(cells[field]);
  }
  cells.value.className = cells.age.className = "number";
  cells.unit.textContent = tag.unit ?? "";
  cells.description.textContent = tag.description ?? "";
  return { row, cells, time: null, q: null };
}

function takeValues(values) {
  for (const [path, time, value, q] of values) {
    const entry = rows.get(path);
    if (!entry) continue;
    entry.time = time;
    newest = Math.max(newest, time);
    entry.cells.value.textContent = format(value);
    if (entry.q !== q) {
      entry.q = q;
      showQuality(entry);
    }
  }
  showAges();
}

function format(value) {
  if (value === null) return text("never");
  if (typeof value === "boolean") return text(value ? "yes" : "no");
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(7))) : String(value);
}

const words = new Map(); // StatusCode → promise of {severity, en, zh}

async function showQuality(entry) {
  const q = entry.q;
  if (!words.has(q)) words.set(q, call("GET", `/api/v1/system/quality/${q}`));
  try {
    const quality = await words.get(q);
    if (entry.q !== q) return;
    entry.cells.quality.textContent = quality[language];
    entry.cells.quality.className = quality.severity;
  } catch {
    words.delete(q);
    entry.cells.quality.textContent = `0x${q.toString(16).padStart(8, "0")}`;
  }
}

function showAges() {
  const now = live.now();
  for (const entry of rows.values()) {
    if (entry.time === null) continue;
    const seconds = Math.max(0, (now - entry.time) / 1e6);
    entry.cells.age.textContent = age(seconds);
    entry.row.classList.toggle("old", seconds > OLD_SECONDS);
  }
  showState();
}

function age(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(0)} h`;
}

function takeState(state) {
  link = { ...state, began: link.began || state.connected };
  showState();
}

function showState() {
  const key = !link.connected ? (link.began ? "lost" : "connecting") : link.stale ? "stale" : "live";
  const time = newest ? new Date(newest / 1000).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB") : text("never");
  const sentence = text(key, { time });
  if (by("state").textContent !== sentence) by("state").textContent = sentence;
  by("state").classList.toggle("lost", key === "lost" || key === "stale");
}

// ---- beginning ----

onSubmit("sign-in", async ({ name, password }) => begin(await call("POST", "/api/v1/access/session", { name, password })));
onSubmit("invitation", async ({ name, password }) => {
  const session = await call("POST", "/api/v1/access/invitations/redeem", { invitation, name, password });
  invitation = "";
  await begin(session);
});
onSubmit("password", async ({ old, password }) => {
  await call("POST", "/api/v1/access/password", { old, new: password });
  view("live");
  say(text("password_changed"), true);
});
onSubmit("break-glass", async ({ code }) => begin(await call("POST", "/api/v1/access/session:break-glass", { code })));
onPasskey("passkey", async () => {
  const session = await passkeys.signIn();
  return session ? begin(session) : say(text("passkey_cancelled"));
});
onPasskey("add-passkey", async () => {
  const made = await passkeys.register(navigator.userAgentData?.platform || navigator.platform || "browser");
  say(text(made ? "passkey_added" : "passkey_cancelled"), Boolean(made));
});
by("show-break-glass").addEventListener("click", () => { say(""); view("break-glass"); });
by("break-glass-back").addEventListener("click", () => view("sign-in"));
by("show-password").addEventListener("click", () => view("password"));
by("password-back").addEventListener("click", () => view("live"));
by("filter").addEventListener("input", show);
by("language").addEventListener("click", () => {
  switchLanguage();
  nameMethods();
  for (const entry of rows.values()) if (entry.q !== null) showQuality(entry);
  if (!by("live").hidden) show();
  showState();
});
by("sign-out").addEventListener("click", async () => {
  try { await call("DELETE", "/api/v1/access/session"); } catch { /* the session is over either way */ }
  end();
});

async function main() {
  translate();
  showState();
  setInterval(showAges, 1000);
  showMethods();
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.has("refused")) {
    history.replaceState(null, "", "/");
    view("sign-in");
    return say(text("refused", { code: fragment.get("refused").slice(0, 80) }));
  }
  if (fragment.has("invite")) {
    // The fragment never reaches the server; here it leaves the address bar and the history too.
    invitation = fragment.get("invite");
    history.replaceState(null, "", "/");
    return welcome();
  }
  try {
    await begin(await call("GET", "/api/v1/access/session"));
  } catch (problem) {
    if (problem.status !== 401) say(problem.message);
    view("sign-in");
  }
}

main();
