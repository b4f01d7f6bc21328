/** What people may be given to do, from the least to the most. */

import { t } from "~/texts";

const ROLES = ["viewer", "operator", "engineer", "administrator"] as const;

/** For a choice of roles. */
export const roleOptions = () => ROLES.map((role) => ({ value: role as string, label: t(`role.${role}`) }));

/** Several in words; a dash for none. */
export function roleWords(roles: readonly string[]): string {
  return roles.map((role) => t(`role.${role}`)).join(", ") || "—";
}

export function sameRoles(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((role) => others.includes(role));
}
