/** Nodes as a tree: each below the node that delegates its prefix. */

import type { Schemas } from "~/api/client";

export type NodeView = Schemas["NodeView"];

export interface Branch {
  key: string;
  node: NodeView;
  depth: number;
  /** Key of the node above; undefined at the top. */
  above: string | undefined;
}

const ROOT = "0.NA";

export function keyOf(node: NodeView): string {
  return node.address || [node.known, ...node.prefixes, ...node.listens].join(" ");
}

/** Of a node's state: a node without HTTP cannot be asked. */
export function toneOf(node: NodeView): "good" | "bad" | "none" {
  if (node.up === null) return "none";
  return node.up ? "good" : "bad";
}

/** The name people know a node by: what it holds, or what it is. */
export function prefixesOf(node: NodeView): string[] {
  return node.prefixes.filter((prefix) => prefix !== ROOT);
}

/** Whether a prefix is derived from the other: 88.100.1 from 88.100 and from 88. */
function below(prefix: string, other: string): boolean {
  return prefix.startsWith(`${other}.`);
}

/** The node that holds the records of a node's prefixes, by the longest prefix above any of them. */
function parentOf(node: NodeView, nodes: readonly NodeView[]): NodeView | undefined {
  const own = prefixesOf(node);
  if (own.length === 0 || node.prefixes.includes(ROOT)) return undefined;
  let best: { node: NodeView; length: number } | undefined;
  for (const other of nodes) {
    if (other === node) continue;
    for (const prefix of other.prefixes) {
      const fits = prefix === ROOT || own.some((each) => below(each, prefix));
      const length = prefix === ROOT ? 0 : prefix.length;
      if (fits && (!best || length > best.length)) best = { node: other, length };
    }
  }
  return best?.node;
}

/** Every node behind the one above it, siblings by prefix; those that hold nothing come last. */
export function treeOf(nodes: readonly NodeView[]): Branch[] {
  const children = new Map<NodeView | undefined, NodeView[]>();
  for (const node of nodes) {
    const parent = parentOf(node, nodes);
    children.set(parent, [...(children.get(parent) ?? []), node]);
  }
  const found: Branch[] = [];
  const name = (node: NodeView) => prefixesOf(node)[0] ?? "\uffff";
  function add(parent: NodeView | undefined, depth: number): void {
    const own = [...(children.get(parent) ?? [])].sort((one, other) =>
      name(one).localeCompare(name(other), "en", { numeric: true }),
    );
    for (const node of own) {
      found.push({ key: keyOf(node), node, depth, above: parent && keyOf(parent) });
      add(node, depth + 1);
    }
  }
  add(undefined, 0);
  return found;
}
