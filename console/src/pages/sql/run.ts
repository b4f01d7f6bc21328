/** Running one statement at a time: asked, timed, ended when its reader wants that. */

import { useCallback, useEffect, useRef, useState } from "react";
import { api, Problem, take } from "~/api/client";
import type { File } from "~/parts/download";
import type { Asked } from "./asked";
import type { Result } from "./result";

export interface Run {
  /** What is running, or was answered. */
  asked?: Asked;
  running: boolean;
  result?: Result;
  problem?: Problem;
  /** It was ended before its answer. */
  cancelled: boolean;
  seconds?: number;
}

function bodyOf(asked: Asked) {
  return { sql: asked.sql, tags: asked.tags, from: asked.from, to: asked.to, purpose: "operation", recipient: "" };
}

export function useRun() {
  const [run, setRun] = useState<Run>({ running: false, cancelled: false });
  const ending = useRef<AbortController>(undefined);

  const cancel = useCallback(() => ending.current?.abort(), []);
  // Leaving the page frees the server of the statement too.
  useEffect(() => cancel, [cancel]);

  const start = useCallback(async (asked: Asked) => {
    ending.current?.abort();
    const mine = new AbortController();
    ending.current = mine;
    const began = performance.now();
    setRun((before) => ({ asked, running: true, cancelled: false, result: before.result }));
    const done = (what: Partial<Run>) => {
      if (ending.current !== mine) return;
      setRun({ asked, running: false, cancelled: false, seconds: (performance.now() - began) / 1000, ...what });
    };
    try {
      const body = { ...bodyOf(asked), format: "json" as const };
      done({ result: (await take(api.POST("/api/v1/history/sql", { body, signal: mine.signal }))) as Result });
    } catch (error) {
      if (mine.signal.aborted) done({ cancelled: true });
      else if (error instanceof Problem) done({ problem: error });
      else throw error;
    }
  }, []);

  return { run, start, cancel };
}

/** The whole answer as a file; the server notes who took it. */
export function fileOf(asked: Asked, format: "csv" | "parquet", label: string): File {
  const body = { ...bodyOf(asked), format };
  const ask = (signal: AbortSignal) => take(api.POST("/api/v1/history/sql", { body, signal, parseAs: "stream" }));
  return { key: format, label, name: `result.${format}`, ask };
}
