/** What a text that somebody looks for may be. */

const PREFIX = /^(?:hdl:|info:|doi:|handle:|https?:|\d+(?:\.[^/\s]+)*\/)/i;

/** A path of this installation, `site/area/line/device`: everything that is neither a handle nor an address of one. */
export function isPath(identifier: string): boolean {
  return identifier.includes("/") && !PREFIX.test(identifier);
}
