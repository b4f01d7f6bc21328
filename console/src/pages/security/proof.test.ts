import { describe, expect, it } from "vitest";
import { canonical, rootOf } from "./proof";

type Bytes = Uint8Array<ArrayBuffer>;

const hash = async (...parts: (Uint8Array | number[])[]): Promise<Bytes> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(parts.flatMap((part) => [...part]))));
const leafOf = (number: number) => hash([0], [number]);

/** The tree as RFC 6962 defines it, by halves. */
async function tree(leaves: Bytes[]): Promise<Bytes> {
  if (leaves.length === 1) return leaves[0] as Bytes;
  const half = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return hash([1], await tree(leaves.slice(0, half)), await tree(leaves.slice(half)));
}

async function proofOf(index: number, leaves: Bytes[]): Promise<Bytes[]> {
  if (leaves.length === 1) return [];
  const half = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return index < half
    ? [...(await proofOf(index, leaves.slice(0, half))), await tree(leaves.slice(half))]
    : [...(await proofOf(index - half, leaves.slice(half))), await tree(leaves.slice(0, half))];
}

describe("a proof of inclusion", () => {
  it("leads from every leaf of every small tree to its root, and from no other place", async () => {
    for (let size = 1; size <= 9; size += 1) {
      const leaves = await Promise.all(Array.from({ length: size }, (_, number) => leafOf(number)));
      const root = await tree(leaves);
      for (let index = 0; index < size; index += 1) {
        const proof = await proofOf(index, leaves);
        expect(await rootOf(leaves[index] as Bytes, index, size, proof)).toEqual(root);
        expect(await rootOf(await leafOf(99), index, size, proof)).not.toEqual(root);
        if (size > 1) expect(await rootOf(leaves[index] as Bytes, (index + 1) % size, size, proof)).not.toEqual(root);
      }
    }
  });
  it("of another length is refused", async () => {
    const leaf = await leafOf(0);
    expect(await rootOf(leaf, 0, 4, [leaf])).toBeNull();
    expect(await rootOf(leaf, 0, 1, [leaf])).toBeNull();
  });
});

it("canonical JSON has sorted keys and nothing between", () => {
  expect(canonical({ b: [1, { d: null, c: "ü" }], a: true })).toBe('{"a":true,"b":[1,{"c":"ü","d":null}]}');
});
