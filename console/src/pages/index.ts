/** The pages of the console. Each folder here is one: `page.tsx` says where it stands, `en.json` and `zh.json` its words. */

import type { ComponentType } from "react";

export interface Page {
  /** Address, beginning with a slash. */
  path: string;
  /** Key of its name. */
  text: string;
  icon: ComponentType;
  /** Place in the navigation; pages of one decade stand together. */
  order: number;
  /** The action without which nobody can use it; who may not do it does not see the page. */
  action?: string;
  load: () => Promise<{ default: ComponentType }>;
  /** Pages below it, such as one object's; their addresses are relative. */
  below?: { path: string; load: () => Promise<{ default: ComponentType }> }[];
}

export function definePage(page: Page): Page {
  return page;
}

const found = import.meta.glob<Page>("./*/page.tsx", { eager: true, import: "default" });

export const pages: Page[] = Object.values(found).sort((one, other) => one.order - other.order);
