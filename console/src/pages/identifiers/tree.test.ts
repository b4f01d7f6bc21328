import { describe, expect, it } from "vitest";
import { type NodeView, treeOf } from "./tree";

const node = (address: string, ...prefixes: string[]) => ({ address, prefixes, known: "watched" }) as NodeView;

describe("the tree of nodes", () => {
  it("has each node below the one that delegates its prefix, whatever their order", () => {
    const nodes = [
      node("e2", "88.100.10"),
      node("r"),
      node("s1", "88.100"),
      node("top", "0.NA", "88"),
      node("e1", "88.100.2"),
      node("s2", "88.200"),
    ];
    expect(treeOf(nodes).map((branch) => [branch.key, branch.depth, branch.above])).toEqual([
      ["top", 0, undefined],
      ["s1", 1, "top"],
      ["e1", 2, "s1"],
      ["e2", 2, "s1"],
      ["s2", 1, "top"],
      ["r", 0, undefined],
    ]);
  });

  it("does not take a prefix that merely begins alike for one above", () => {
    const found = treeOf([node("a", "88.1"), node("b", "88.10.5")]);
    expect(found.map((branch) => branch.depth)).toEqual([0, 0]);
  });

  it("keeps a node whose parent nobody knows at the top", () => {
    expect(treeOf([node("e", "20.500.7")]).map((branch) => branch.above)).toEqual([undefined]);
  });
});
