/** The last minutes of a tag in the height of a line. */

import { memo } from "react";

export interface Spark {
  /** null where there is no good value. */
  values: readonly (number | null)[];
}

const WIDTH = 100;
const HEIGHT = 26;
const MARGIN = 3;

/** SVG path through the values, broken where one is missing. */
export function pathOf(values: readonly (number | null)[]): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return "";
  const low = Math.min(...known);
  const high = Math.max(...known);
  const step = WIDTH / Math.max(1, values.length - 1);
  const place = (value: number) =>
    high === low ? HEIGHT / 2 : HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN);
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    path += `${pen}${(index * step).toFixed(1)} ${place(value).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

export const Sparkline = memo(function Sparkline({ spark, label }: { spark: Spark | undefined; label: string }) {
  if (!spark) return null;
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={pathOf(spark.values)} />
    </svg>
  );
});
