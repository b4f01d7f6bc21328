/** Values, times and sizes as people read them. */

import { preferences } from "~/app/preferences";
import type { Value } from "~/live";
import { t } from "~/texts";

const locale = () => (preferences.get().language === "zh" ? "zh-CN" : "en-GB");
const zone = () => (preferences.get().utc ? "UTC" : undefined);

/** A value with about five significant digits, never fewer before the point. */
export function value(given: Value | undefined): string {
  if (given === null || given === undefined) return "—";
  if (typeof given === "boolean") return t(given ? "value.true" : "value.false");
  if (typeof given === "string") return given;
  return number(given);
}

export function number(given: number, digits = 5): string {
  if (!Number.isFinite(given)) return String(given);
  if (Number.isInteger(given)) return given.toLocaleString(locale());
  const size = Math.abs(given);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return given.toPrecision(digits);
  const before = Math.max(1, Math.floor(Math.log10(size || 1)) + 1);
  const decimals = Math.max(0, Math.min(8, digits - before));
  return given.toLocaleString(locale(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A number beside an axis: as many digits as tell it from its neighbours, and no more. */
export function tick(given: number): string {
  const rounded = Number(given.toPrecision(7));
  const size = Math.abs(rounded);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return rounded.toExponential();
  return rounded.toLocaleString(locale(), { maximumFractionDigits: 8 });
}

export function count(given: number): string {
  return Math.round(given).toLocaleString(locale());
}

export function bytes(given: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = given;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}

/** A length of time in its largest fitting unit. */
export function age(seconds: number): string {
  const length = Math.max(0, seconds);
  if (length < 10) return `${length.toFixed(1)} s`;
  if (length < 120) return `${length.toFixed(0)} s`;
  if (length < 7200) return `${(length / 60).toFixed(0)} min`;
  if (length < 172_800) return `${(length / 3600).toFixed(0)} h`;
  return t("time.days", { days: (length / 86_400).toFixed(0) });
}

/** hh:mm:ss of a time in milliseconds. */
export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString(locale(), { hour12: false, timeZone: zone() });
}

/** hh:mm:ss of a time in milliseconds today; with the date of any other day. */
export function recent(ms: number, now = Date.now()): string {
  const day = (each: number) => new Date(each).toLocaleDateString("en-GB", { timeZone: zone() });
  return day(ms) === day(now) ? clockTime(ms) : dateTime(ms);
}

export function dateTime(given: string | number | null | undefined): string {
  if (given === null || given === undefined || given === "") return "—";
  return new Date(given).toLocaleString(locale(), {
    timeZone: zone(),
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
}

/** How times are shown: the zone's name and its distance from UTC. */
export function zoneName(): string {
  if (preferences.get().utc) return "UTC";
  const minutes = -new Date().getTimezoneOffset();
  const sign = minutes < 0 ? "−" : "+";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  const offset = `UTC${sign}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name === "UTC" ? name : `${name} (${offset})`;
}
