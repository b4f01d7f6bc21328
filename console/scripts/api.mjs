// Types of the server's interface, from its OpenAPI description.
//
//   node scripts/api.mjs DESCRIPTION [--check]     DESCRIPTION: a file or an address
//
// With --check nothing is written: it fails where the types in the tree are not those of the description.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const OUT = new URL("../src/api/schema.d.ts", import.meta.url);
const [source, flag] = process.argv.slice(2);
if (!source) throw new Error("name the description: a file or an address");

const text = /^https?:/.test(source) ? await (await fetch(source)).text() : await readFile(source, "utf8");
const description = JSON.parse(text, (key, value) => (key === "example" || key === "examples" ? undefined : value));
description.info.version = "0";

const made = `// Made by scripts/api.mjs from the server's description. Not to be edited.\n${astToString(await openapiTS(description))}`;
if (flag === "--check") {
  if (made !== (await readFile(OUT, "utf8"))) {
    console.error("src/api/schema.d.ts is not what the server says: run `make console-api`");
    process.exit(1);
  }
} else {
  await writeFile(OUT, made);
}
