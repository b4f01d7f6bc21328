/** How a device stands, in a word and a colour. */

import { t } from "~/texts";

export type Tone = "good" | "warn" | "bad" | "none";

const TONES: Record<string, Tone> = { connected: "good", connecting: "warn", lost: "bad", refused: "bad" };

export function toneOf(state: string | undefined): Tone {
  return state === undefined ? "none" : (TONES[state] ?? "warn");
}

// texts: state.*
export function StateChip({ state }: { state: string | undefined }) {
  const tone = toneOf(state);
  return (
    <span className={`chip ${tone}`}>
      <span className={`dot ${tone}`} />
      {t(`state.${state ?? "unknown"}`)}
    </span>
  );
}
