/** A live value, its age and its quality, each honest about how old it is. */

import { useQuery } from "@tanstack/react-query";
import { Tooltip } from "antd";
import { api, take } from "~/api/client";
import { preferences } from "~/app/preferences";
import { live, type Sample, seen, useLink, useNow, useSample } from "~/live";
import { t } from "~/texts";
import * as format from "./format";

/** A value older than this is shown as old even over a living connection. */
const OLD_SECONDS = 30;

/** What a StatusCode says, in the person's language. */
export function useQuality(code: number | undefined) {
  return useQuery({
    queryKey: ["quality", code],
    queryFn: () => take(api.GET("/api/v1/system/quality/{code}", { params: { path: { code: code ?? 0 } } })),
    enabled: code !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  }).data;
}

export function isOld(sample: Sample | undefined, now: number): boolean {
  return sample !== undefined && (!live.isFresh(sample) || now - seen(sample) > OLD_SECONDS * 1e6);
}

export function LiveValue({ path, unit }: { path: string; unit?: string }) {
  const sample = useSample(path);
  useLink();
  const now = useNow();
  const old = isOld(sample, now);
  const severity =
    sample === undefined
      ? "none"
      : sample.quality >>> 30 === 0
        ? "good"
        : sample.quality >>> 30 === 1
          ? "uncertain"
          : "bad";
  const refusal = live.refusal(path);
  if (refusal)
    return (
      <Tooltip title={refusal}>
        <span className="live-value refused">{t("value.refused")}</span>
      </Tooltip>
    );
  return (
    <span className={`live-value ${severity} ${old ? "old" : ""}`} title={old ? t("value.old") : undefined}>
      {format.value(sample?.value)}
      {unit && sample !== undefined && <small> {unit}</small>}
    </span>
  );
}

export function LiveAge({ path }: { path: string }) {
  const sample = useSample(path);
  const now = useNow();
  if (!sample) return <span className="quiet">—</span>;
  return <span className={isOld(sample, now) ? "age old" : "age"}>{format.age((now - seen(sample)) / 1e6)}</span>;
}

export function LiveQuality({ path }: { path: string }) {
  const sample = useSample(path);
  useLink();
  return <Quality code={sample?.quality} old={isOld(sample, useNow())} />;
}

/** Of an old value it is what it was: in words, without the colour of what is so now. */
export function Quality({ code, old = false }: { code: number | undefined; old?: boolean }) {
  const words = useQuality(code);
  if (code === undefined) return <span className="quiet">—</span>;
  return (
    <span
      className={`quality ${old ? "old" : (words?.severity ?? "")}`}
      title={words ? `${words.name} 0x${code.toString(16).padStart(8, "0")}` : undefined}
    >
      {words ? words[preferences.get().language] : `0x${code.toString(16)}`}
    </span>
  );
}
