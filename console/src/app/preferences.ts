/** What a person chose for this browser: language, theme, time zone, folded navigation. Kept in local storage. */

import { useSyncExternalStore } from "react";

export type Language = "en" | "zh";
export type Theme = "light" | "dark" | "contrast";

export interface Preferences {
  language: Language;
  theme: Theme;
  /** Whether times are shown in UTC instead of the browser's zone. */
  utc: boolean;
  folded: boolean;
}

const KEY = "lineshaft.preferences";

function defaults(): Preferences {
  const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  const theme = matchMedia("(prefers-contrast: more)").matches
    ? "contrast"
    : matchMedia("(prefers-color-scheme: dark)").matches
      ? "dark"
      : "light";
  return { language, theme, utc: false, folded: false };
}

function remembered(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
  } catch {
    return {}; // storage may be switched off, or hold what is not ours
  }
}

class Store {
  private value: Preferences = { ...defaults(), ...remembered() };
  private listeners = new Set<() => void>();

  get = (): Preferences => this.value;

  set = (change: Partial<Preferences>): void => {
    this.value = { ...this.value, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.value));
    } catch {
      // then it holds for this page only
    }
    this.show();
    for (const listener of this.listeners) listener();
  };

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Let the style sheet know. */
  show(): void {
    document.documentElement.dataset.theme = this.value.theme;
    document.documentElement.lang = this.value.language === "zh" ? "zh-CN" : "en";
  }
}

export const preferences = new Store();

export function usePreferences(): Preferences {
  return useSyncExternalStore(preferences.subscribe, preferences.get);
}
