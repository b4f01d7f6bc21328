// The interface's description as a page: every operation with what it needs, takes and answers.

import { call } from "./server.js";
import { switchLanguage, text, translate } from "./texts.js";

function make(name, content = "", className = "") {
  const element = document.createElement(name);
  element.append(...[content].flat());
  if (className) element.className = className;
  return element;
}

function exampleOf(content = {}) {
  return Object.entries(content)
    .filter(([, body]) => body.example !== undefined)
    .map(([kind, body]) => make("pre", `${kind}\n${JSON.stringify(body.example, null, 2)}`));
}

function parameters(operation) {
  const list = make("ul");
  for (const each of operation.parameters ?? []) {
    const line = make("li", [make("code", each.name), ` (${each.in}${each.required ? ", required" : ""})`]);
    if (each.description) line.append(` ${each.description}`);
    if (each.example !== undefined && each.example !== null) line.append(" ", make("code", String(each.example)));
    list.append(line);
  }
  return list.children.length ? [make("h4", text("parameters")), list] : [];
}

function answers(operation) {
  return Object.entries(operation.responses)
    .filter(([status]) => status !== "default")
    .flatMap(([status, answer]) => [make("h4", `${text("answer")} ${status}`), ...exampleOf(answer.content)]);
}

function show(path, method, operation) {
  const entry = make("details");
  const needs = operation["x-action"] ? `${text("needs")} ${operation["x-action"]}` : text("public");
  entry.append(
    make("summary", [make("span", method.toUpperCase(), "method"), " ", make("code", path), " — ", operation.summary ?? ""]),
    ...(operation.description ? [make("p", operation.description)] : []),
    make("p", make("small", needs)),
    ...parameters(operation),
  );
  const body = exampleOf(operation.requestBody?.content);
  if (body.length) entry.append(make("h4", text("body")), ...body);
  entry.append(...answers(operation));
  return entry;
}

function render(document_) {
  const groups = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation?.responses) continue;
      const group = operation.tags?.[0] ?? path.split("/")[3] ?? "";
      groups.set(group, [...(groups.get(group) ?? []), show(path, method, operation)]);
    }
  }
  const content = document.getElementById("content");
  content.replaceChildren(make("pre", document_.info.description));
  for (const group of [...groups.keys()].sort()) content.append(make("h2", group), ...groups.get(group));
}

translate();
const description = await call("GET", "/api/openapi.json");
render(description);
document.getElementById("language").addEventListener("click", () => {
  switchLanguage();
  render(description);
});
