// Every word has a key in both languages, every key is used, every placeholder is filled.
//
// Used is a key that stands as a literal in the sources. Keys put together at run time are announced beside it by
// a comment `// texts: prefix.*`, or seen from a template literal that begins with a prefix.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));
const faults = [];

async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const files = await filesBelow(SOURCES);
const words = { en: new Map(), zh: new Map() };
for (const file of files) {
  const language = /(?:^|[./])(en|zh)\.json$/.exec(file)?.[1];
  if (!language) continue;
  for (const [key, text] of Object.entries(JSON.parse(await readFile(file, "utf8")))) {
    if (words[language].has(key)) faults.push(`${key}: twice in ${language}`);
    words[language].set(key, text);
  }
}

for (const [key, text] of words.en) {
  const other = words.zh.get(key);
  if (other === undefined) faults.push(`${key}: no Chinese`);
  else if (facts(text) !== facts(other))
    faults.push(`${key}: other facts in Chinese (${facts(other)}) than in English (${facts(text)})`);
  if (!text.trim()) faults.push(`${key}: empty`);
}
for (const key of words.zh.keys()) if (!words.en.has(key)) faults.push(`${key}: no English`);

function facts(text) {
  return [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(" ");
}

const literals = new Set();
const prefixes = new Set();
const asked = new Set();
for (const file of files.filter((each) => /\.tsx?$/.test(each) && !/\.(test|d)\.tsx?$/.test(each))) {
  const source = await readFile(file, "utf8");
  for (const [, key] of source.matchAll(/["']([a-z_]+(?:\.[a-zA-Z0-9_]+)+)["']/g)) literals.add(key);
  for (const [, prefix] of source.matchAll(/`([a-z_]+(?:\.[a-z_]*)*[._])\$\{/g)) prefixes.add(prefix);
  for (const [, prefix] of source.matchAll(/\/\/ texts: ([a-z_.]+)\*/g)) prefixes.add(prefix);
  for (const [, key] of source.matchAll(/\bt\(\s*["']([^"']+)["']/g)) asked.add(key);
}
for (const key of asked) if (!words.en.has(key)) faults.push(`${key}: used, but has no words`);
for (const key of words.en.keys()) {
  if (!literals.has(key) && key !== "product" && ![...prefixes].some((prefix) => key.startsWith(prefix)))
    faults.push(`${key}: not used`);
}

if (faults.length) {
  console.error(faults.sort().join("\n"));
  process.exit(1);
}
console.log(`${words.en.size} keys in two languages`);
