/** The words and Ant Design's own, of one language. */

import type { Locale } from "antd/es/locale";
import { loadTexts } from "~/texts";
import type { Language } from "./preferences";

export async function loadLanguage(language: Language): Promise<Locale> {
  const locale = language === "zh" ? import("antd/locale/zh_CN") : import("antd/locale/en_GB");
  const [{ default: words }] = await Promise.all([locale, loadTexts(language)]);
  return words;
}
