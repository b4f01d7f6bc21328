/** Since when what the server said has not been confirmed: what is asked for again and again must not look fresh after. */

interface Answer {
  error: unknown;
  dataUpdatedAt: number;
}

/** Nothing here is asked for less often than twice in this time. */
const SILENT_MS = 60_000;

/** When an old answer was given, in milliseconds; undefined for one that is as new as it can be, and before any. */
export function since(answer: Answer, now = Date.now()): number | undefined {
  if (answer.dataUpdatedAt === 0) return undefined;
  const old = answer.error !== null || now - answer.dataUpdatedAt > SILENT_MS;
  return old ? answer.dataUpdatedAt : undefined;
}

/** The oldest of those that are old. */
export function sinceAll(...answers: Answer[]): number | undefined {
  const times = answers.map((answer) => since(answer)).filter((time) => time !== undefined);
  return times.length ? Math.min(...times) : undefined;
}
