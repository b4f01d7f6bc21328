/**
 * Whether an entry of the audit trail is in the signed log, worked out here in the browser and not taken on trust.
 *
 * The entry is SHA-256 over salt and canonical JSON; the tree is that of RFC 6962 (2.1.1); the checkpoint is a signed
 * note (C2SP signed-note, Ed25519).
 */

import type { Schemas } from "~/api/client";

export interface Verdict {
  /** The entry's hash leads to the root that the checkpoint names. */
  inLog: boolean;
  /** The checkpoint is signed by the log's key; undefined where this browser cannot check it. */
  signed: boolean | undefined;
  root: string;
  size: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

function joined(...parts: (Uint8Array | number[])[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** JSON with sorted keys and nothing between. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

/** The root that a leaf and its proof lead to; null where the proof has not the right length (RFC 9162, 2.1.3.2). */
export async function rootOf(leaf: Bytes, index: number, size: number, proof: readonly Bytes[]): Promise<Bytes | null> {
  let [at, last, hash] = [index, size - 1, leaf];
  for (const other of proof) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      hash = await sha256(joined([1], other, hash));
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else {
      hash = await sha256(joined([1], hash, other));
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : null;
}

async function isSigned(note: string, key: string): Promise<boolean | undefined> {
  const end = note.indexOf("\n\n");
  const text = encoder.encode(note.slice(0, end + 1)) as Bytes;
  const [name, , ...rest] = key.split("+");
  const raw = fromBase64(rest.join("+"));
  const line = note
    .slice(end + 2)
    .split("\n")
    .find((each) => each.startsWith(`— ${name} `));
  if (!line) return false;
  const signature = fromBase64(line.split(" ")[2] ?? "").slice(4);
  try {
    const imported = await crypto.subtle.importKey("raw", raw.slice(1), { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, imported, signature, text);
  } catch {
    return undefined;
  }
}

export async function verify(view: Schemas["ProofView"]): Promise<Verdict> {
  const salt = Uint8Array.from(view.salt.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const entry = await sha256(joined(salt, encoder.encode(canonical(view.body))));
  const leaf = await sha256(joined([0], entry));
  const found = await rootOf(leaf, view.seq, view.size, view.proof.map(fromBase64));
  const [, size = "", root = ""] = view.checkpoint.split("\n");
  const inLog = found !== null && toBase64(found) === root && Number(size) === view.size;
  return { inLog, signed: await isSigned(view.checkpoint, view.key), root, size: view.size };
}
