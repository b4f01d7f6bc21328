/** Taking data away: the samples as stored, or the values as drawn. The server notes who took what. */

import { api, take } from "~/api/client";
import type { File } from "~/parts/download";
import type { Drawn } from "~/parts/trend/data";
import type { Span } from "~/parts/trend/window";
import { t } from "~/texts";

type Format = "csv" | "parquet";

const FORMATS: readonly Format[] = ["csv", "parquet"];

const times = (span: Span) => ({ from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString() });

// texts: trends.export_*
export function filesOf(tags: readonly string[], span: Span, drawn: Drawn | undefined): File[] {
  const file = (key: string, name: string, ask: File["ask"]): File => ({
    key,
    name,
    label: t(`trends.export_${key}`),
    ask,
  });
  const tag = [...tags];
  const samples = FORMATS.map((format) =>
    file(format, `samples.${format}`, (signal) => {
      const query = { tag, ...times(span), format };
      return take(api.GET("/api/v1/history/raw", { params: { query }, signal, parseAs: "stream" }));
    }),
  );
  if (!drawn || drawn.step === 0) return samples;
  const { span: whole, step } = drawn;
  const values = FORMATS.map((format) =>
    file(`drawn_${format}`, `values.${format}`, (signal) => {
      const query = { tag, ...times(whole), interval: `${step}s`, aggregate: "Average", format };
      return take(api.GET("/api/v1/history/processed", { params: { query }, signal, parseAs: "stream" }));
    }),
  );
  return [...samples, ...values];
}
