/** Taking data away: the samples as stored, or the values as drawn. The server notes who took what. */

import { t } from "~/texts";
import type { Drawn } from "./data";
import type { Span } from "./window";

function address(route: string, tags: readonly string[], span: Span, more: Record<string, string>): string {
  const params = new URLSearchParams(tags.map((tag) => ["tag", tag]));
  for (const [key, value] of Object.entries({
    from: new Date(span.from).toISOString(),
    to: new Date(span.to).toISOString(),
    ...more,
  }))
    params.set(key, value);
  return `/api/v1/history/${route}?${params}`;
}

export function downloads(tags: readonly string[], span: Span, drawn: Drawn | undefined) {
  const link = (key: string, file: string, href: string) => ({
    key,
    label: (
      <a href={href} download={file}>
        {t(`trends.export_${key}`)}
      </a>
    ),
  });
  const items = [
    link("csv", "samples.csv", address("raw", tags, span, { format: "csv" })),
    link("parquet", "samples.parquet", address("raw", tags, span, { format: "parquet" })),
  ];
  if (!drawn || drawn.step === 0) return items;
  const asDrawn = { interval: `${drawn.step}s`, aggregate: "Average" };
  return [
    ...items,
    link("drawn_csv", "values.csv", address("processed", tags, drawn.span, { ...asDrawn, format: "csv" })),
    link("drawn_parquet", "values.parquet", address("processed", tags, drawn.span, { ...asDrawn, format: "parquet" })),
  ];
}
