// Licences of everything that a browser gets from us: listed, and each one of those we may ship.
//
// Writes public/licences.json, which the console shows; with --check it fails where that file is not the present one.
import { readFile, writeFile } from "node:fs/promises";

const MAY_SHIP = new Set([
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "0BSD",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "Unlicense",
]);
const OUT = new URL("../public/licences.json", import.meta.url);
const lock = JSON.parse(await readFile(new URL("../package-lock.json", import.meta.url), "utf8"));

const found = [];
const refused = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  if (!path || entry.dev || entry.devOptional || entry.optional) continue;
  const name = path.replace(/^.*node_modules\//, "");
  const manifest = JSON.parse(await readFile(new URL(`../${path}/package.json`, import.meta.url), "utf8"));
  const licence = String(manifest.license?.type ?? manifest.license ?? "unknown");
  if (
    !licence
      .replace(/[()]/g, "")
      .split(/ OR /)
      .some((each) => MAY_SHIP.has(each.trim()))
  )
    refused.push(`${name}: ${licence}`);
  found.push({ name, version: entry.version, licence });
}
if (refused.length) {
  console.error(`may not be shipped:\n${refused.join("\n")}`);
  process.exit(1);
}
const text = `${JSON.stringify(
  found.sort((one, other) => (one.name < other.name ? -1 : 1)),
  null,
  1,
)}\n`;
if (process.argv.includes("--check")) {
  if (text !== (await readFile(OUT, "utf8"))) {
    console.error("public/licences.json is not what is installed: run `npm run licences`");
    process.exit(1);
  }
} else {
  await writeFile(OUT, text);
}
console.log(`${found.length} packages, each under a licence we may ship`);
