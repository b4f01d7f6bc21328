/** When samples of the live socket were missed, and when what is drawn has therefore to be asked for anew. */

import type { Link } from "~/live";

/** What of the live socket is used; tests bring their own. */
export interface Source {
  onLink(listener: () => void): () => void;
  getLink(): Link;
}

/** What of the document is used. */
export type Page = Pick<Document, "hidden" | "addEventListener" | "removeEventListener">;

/** What was missed may reach the history a little later: a gateway hands in what it kept, a server reads what it has. */
const AGAIN_MS = 20_000;

/** Calls `work` when values come again after they did not, and when the page is seen again: hidden, it takes in nothing. */
export function onMissed(source: Source, page: Page, work: () => void): () => void {
  // Before the first connection nothing was missed.
  let coming = source.getLink().state === "live" || source.getLink().number === 0;
  const stop = source.onLink(() => {
    const { state, number } = source.getLink();
    if (state === "live" && !coming) work();
    if (number > 0) coming = state === "live";
  });
  const seen = () => {
    if (!page.hidden) work();
  };
  page.addEventListener("visibilitychange", seen);
  return () => {
    stop();
    page.removeEventListener("visibilitychange", seen);
  };
}

/** Calls `ask` every so many seconds while the page is seen, and whenever something was missed. */
export function whenToAsk(source: Source, page: Page, seconds: number, ask: () => void): () => void {
  let again: ReturnType<typeof setTimeout> | undefined;
  const timer = setInterval(() => !page.hidden && ask(), seconds * 1000);
  const stop = onMissed(source, page, () => {
    ask();
    clearTimeout(again);
    again = setTimeout(ask, AGAIN_MS);
  });
  return () => {
    stop();
    clearInterval(timer);
    clearTimeout(again);
  };
}
