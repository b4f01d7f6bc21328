// What a browser loads, gzipped: at most 600 kB for the first page, 200 kB more for each other one.
//
// Read from the build's manifest; the first page is the entry, the frame, one language, and the overview.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const FIRST_BYTES = 600_000;
const PAGE_BYTES = 200_000;
const folder = fileURLToPath(new URL("../../src/lineshaft/web/static/", import.meta.url));
const manifest = JSON.parse(await readFile(`${folder}.vite/manifest.json`, "utf8"));

function filesOf(name, seen = new Set()) {
  const chunk = manifest[name];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const style of chunk.css ?? []) seen.add(style);
  for (const other of chunk.imports ?? []) filesOf(other, seen);
  return seen;
}

async function bytesOf(files) {
  let sum = 0;
  for (const file of files) sum += gzipSync(await readFile(folder + file), { level: 9 }).length;
  return sum;
}

const FIRST = [
  "index.html",
  "src/app/frame.tsx",
  "src/texts/en.ts",
  "src/pages/overview/overview.tsx",
  "src/pages/overview/flow.tsx",
];
const locale = Object.keys(manifest).find((name) => name.endsWith("locale/en_GB.js"));
const first = new Set([...FIRST, locale].filter(Boolean).flatMap((name) => [...filesOf(name)]));
const firstBytes = await bytesOf(first);
let failed = firstBytes > FIRST_BYTES;
console.log(`first load: ${(firstBytes / 1000).toFixed(0)} kB gzip`);
const frame = new Set(["index.html", "src/app/frame.tsx"].flatMap((name) => [...filesOf(name)]));
for (const name of Object.keys(manifest).filter((each) => manifest[each].isDynamicEntry && each.startsWith("src/"))) {
  const own = [...filesOf(name)].filter((file) => !frame.has(file));
  const bytes = await bytesOf(own);
  if (bytes > PAGE_BYTES) failed = true;
  console.log(`${name}: ${(bytes / 1000).toFixed(0)} kB gzip`);
}
if (failed) {
  console.error(`more than ${FIRST_BYTES / 1000} kB at first, or ${PAGE_BYTES / 1000} kB for a page`);
  process.exit(1);
}
