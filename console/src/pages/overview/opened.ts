/** Which levels of the plant are open: those that people opened, and those that are short enough to be read at once. */

import type { Schemas } from "~/api/client";

export type Level = Schemas["PlantLevel"];
export type Levels = Schemas["PlantLevels"];

/** Beside so many others a level opens by itself, */
const FEW_LEVELS = 8;
/** if it has no more devices than this, or stands alone. */
const FEW_DEVICES = 50;

/** Paths of the open levels, as far as they are known.
 * @param known what is right below a path; undefined while nobody has said it.
 * @param turned levels that somebody opened or closed. */
export function opened(
  known: (path: string) => Levels | undefined,
  turned: ReadonlyMap<string, boolean>,
  path = "",
): string[] {
  const items = known(path)?.items ?? [];
  return items
    .filter((level) => !level.device && (turned.get(level.path) ?? opensItself(level, items.length)))
    .flatMap((level) => [level.path, ...opened(known, turned, level.path)]);
}

function opensItself(level: Level, siblings: number): boolean {
  return siblings === 1 || (siblings <= FEW_LEVELS && level.devices <= FEW_DEVICES);
}
