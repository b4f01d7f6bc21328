/** The last stretch of some tags as lines; a press opens them in the trends page. */

import { useContext, useEffect, useMemo, useState } from "react";
import { usePreferences } from "~/app/preferences";
import { live, usePaths } from "~/live";
import { LiveValue } from "~/parts/live";
import { Chart } from "~/parts/trend/chart";
import { useDrawn } from "~/parts/trend/data";
import { linesOf, useAskedSpan, useGrown } from "~/parts/trend/follow";
import { spanOf, type Window } from "~/parts/trend/window";
import { TREND_SECONDS, type Widget } from "../model";
import { labelOf, NamedTags } from "./tags";
import "~/parts/trend/trend.css";

const NO_CURSORS = {};
/** Samples that are drawn one by one are asked for anew this often, lest one was missed. */
const EXACT_SECONDS = 300;
const LEAST_SECONDS = 15;

const nothing = () => undefined;

export default function TrendWidget({ widget }: { widget: Widget }) {
  const tags = usePaths(widget.tags ?? []);
  const named = useContext(NamedTags);
  const { theme } = usePreferences();
  const seconds = widget.seconds ?? TREND_SECONDS;
  const window = useMemo<Window>(() => ({ live: true, seconds }), [seconds]);
  const [exact, setExact] = useState(true);
  const often = exact ? EXACT_SECONDS : Math.max(LEAST_SECONDS, seconds / 60);
  const drawn = useDrawn(tags, useAskedSpan(window, often));
  useEffect(() => setExact(drawn.data?.step === 0), [drawn.data?.step]);
  const span = useMovingSpan(window);
  const grown = useGrown(tags, drawn.data?.series, drawn.data?.step === 0, span);
  const lines = useMemo(() => linesOf(tags, grown, new Map(named), theme), [tags, grown, named, theme]);
  return (
    <div className="board-trend">
      {drawn.error && (
        <p className="notice warn" role="alert">
          {drawn.error.message}
        </p>
      )}
      <Chart
        still
        lines={lines}
        span={span}
        layout="overlay"
        cursors={NO_CURSORS}
        onSpan={nothing}
        onHover={nothing}
        onCursor={nothing}
      />
      <ul className="board-legend">
        {lines.map((line) => (
          <li key={line.series.path} title={line.series.path}>
            <svg className="swatch" viewBox="0 0 14 14" aria-hidden="true">
              <rect width="14" height="14" rx="3" fill={line.colour} />
            </svg>
            {labelOf(line.series.path, named.get(line.series.path))}{" "}
            <LiveValue path={line.series.path} unit={line.unit} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function useMovingSpan(window: Window) {
  const [now, setNow] = useState(() => live.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setNow(live.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, []);
  return useMemo(() => spanOf(window, now), [window, now]);
}
