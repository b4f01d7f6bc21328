/** What is being changed: the board and its text are one; whichever was changed last is what is saved. */

import { useMemo, useState } from "react";
import type { DashboardView } from "./data";
import { type Board, read, write } from "./model";
import { shownOf } from "./shown";

/** What a change begins with. Saving says so: whatever others saved since is not written over. */
export type Base = Pick<DashboardView, "text" | "etag">;

export interface Draft {
  text: string;
  base: Base;
}

/** The draft after a change; undefined where nothing differs from what it began with. */
export function drafted(before: Draft | undefined, newest: Base, text: string): Draft | undefined {
  const base = before?.base ?? newest;
  return text === base.text ? undefined : { text, base };
}

/** The draft once `sent` was saved: what was changed meanwhile is a change of that. */
export function saved(before: Draft | undefined, sent: string, after: Base): Draft | undefined {
  return before && before.text !== sent ? drafted(undefined, after, before.text) : undefined;
}

export function useDraft(view: DashboardView) {
  const [draft, setDraft] = useState<Draft>();
  const base: Base = draft?.base ?? view;
  const text = draft?.text ?? view.text;
  const shown = useMemo(() => shownOf(text), [text]);
  const board = useMemo(() => shown ?? read(base.text), [shown, base.text]);
  const setText = (after: string) => setDraft((before) => drafted(before, view, after));
  return {
    text,
    board,
    base,
    /** The text cannot be shown; the board is what it was before. */
    broken: shown === null,
    dirty: draft !== undefined,
    /** A newer version is there than the one that the changes began with. */
    overtaken: draft !== undefined && draft.base.etag !== view.etag,
    setText,
    setBoard: (after: Board) => setText(write(after)),
    keep: (sent: string, after: Base) => setDraft((before) => saved(before, sent, after)),
    reset: () => setDraft(undefined),
  };
}
