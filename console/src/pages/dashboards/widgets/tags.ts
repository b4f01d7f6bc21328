/** Units and descriptions of the tags on a board: asked for once, for all its widgets. */

import { createContext, useContext } from "react";
import type { TagView } from "~/api/queries";

export type Named = ReadonlyMap<string, TagView>;

export const NamedTags = createContext<Named>(new Map());

export function useNamed(path: string): TagView | undefined {
  return useContext(NamedTags).get(path);
}

/** What a tag is called where there is little room: its description, else the end of its path. */
export function labelOf(path: string, tag: TagView | undefined): string {
  return tag?.description || path.split("/").slice(-2).join("/");
}
