/** Several values as bars on one scale. */

import { useNow, useSamples } from "~/live";
import * as format from "~/parts/format";
import { isOld, LiveValue } from "~/parts/live";
import { numeric } from "~/parts/trend/series";
import { t } from "~/texts";
import { scaleOf, toneOf, type Widget } from "../model";
import { labelOf, useNamed } from "./tags";

export function BarWidget({ widget }: { widget: Widget }) {
  const paths = widget.tags ?? [];
  const sampleOf = useSamples(paths);
  const scale = scaleOf(
    widget,
    paths.map((path) => numeric(sampleOf(path)?.value ?? null)),
  );
  return (
    <div className="board-bars" tabIndex={0} role="group" aria-label={widget.title || t("dashboards.kind.bar")}>
      {paths.map((path) => (
        <Bar key={path} path={path} widget={widget} scale={scale} />
      ))}
      <div className="board-scale quiet">
        <small>{format.tick(scale.low)}</small>
        <small>{format.tick(scale.high)}</small>
      </div>
    </div>
  );
}

function Bar({ path, widget, scale }: { path: string; widget: Widget; scale: { low: number; high: number } }) {
  const tag = useNamed(path);
  const sample = useSamples([path])(path);
  const now = useNow();
  const value = numeric(sample?.value ?? null);
  const share = (given: number) => Math.min(1, Math.max(0, (given - scale.low) / (scale.high - scale.low)));
  const zero = share(Math.min(scale.high, Math.max(scale.low, 0)));
  const end = value === null ? zero : share(value);
  const tone = isOld(sample, now) ? "old" : toneOf(value, widget.limits);
  return (
    <div className="board-bar">
      <span className="board-bar-name" title={path}>
        {labelOf(path, tag)}
      </span>
      <LiveValue path={path} unit={tag?.unit} />
      <span className="board-bar-track">
        <span
          className={`board-bar-fill ${tone}`}
          style={{ left: `${Math.min(zero, end) * 100}%`, width: `${Math.abs(end - zero) * 100}%` }}
        />
      </span>
    </div>
  );
}
