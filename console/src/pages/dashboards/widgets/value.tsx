/** One value, large: with its unit, its age, and how it stands to its limits. */

import { useNow, useSample } from "~/live";
import { isOld, LiveAge, LiveQuality, LiveValue } from "~/parts/live";
import { numeric } from "~/parts/trend/series";
import { toneOf, type Widget } from "../model";
import { useNamed } from "./tags";

export function ValueWidget({ widget }: { widget: Widget }) {
  const path = widget.tags?.[0] ?? "";
  const tag = useNamed(path);
  const sample = useSample(path);
  const now = useNow();
  // What is old says nothing about now, so it has no colour of now either.
  const tone = isOld(sample, now) ? "" : toneOf(numeric(sample?.value ?? null), widget.limits);
  return (
    <div className={`board-value ${tone}`}>
      <span className="board-figure">
        <LiveValue path={path} unit={tag?.unit} />
      </span>
      <small className="quiet">
        <LiveAge path={path} /> · <LiveQuality path={path} />
      </small>
    </div>
  );
}
