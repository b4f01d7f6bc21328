/** Language and theme, wherever one is. */

import { BgColorsOutlined, TranslationOutlined } from "@ant-design/icons";
import { App, Button, Dropdown } from "antd";
import { t } from "~/texts";
import { loadLanguage } from "./language";
import { preferences, type Theme, usePreferences } from "./preferences";
import { holdsUnsaved } from "./session";

const THEMES: Theme[] = ["light", "dark", "contrast"];

export function Choices() {
  const { language, theme } = usePreferences();
  const other = language === "zh" ? "en" : "zh";
  const items = THEMES.map((key) => ({ key, label: t(`theme.${key}`) }));
  const { message, modal } = App.useApp();

  async function change(): Promise<void> {
    try {
      await loadLanguage(other);
    } catch {
      message.error(t("problem.unreachable"));
      return;
    }
    preferences.set({ language: other });
  }

  /** In another language everything is drawn anew; what was typed does not outlive that. */
  function ask(): void {
    if (!holdsUnsaved()) void change();
    else
      modal.confirm({
        title: t("unsaved.title"),
        content: t("unsaved.text"),
        okText: t("unsaved.leave"),
        cancelText: t("unsaved.stay"),
        onOk: change,
      });
  }

  return (
    <>
      <Dropdown
        trigger={["click"]}
        menu={{ items, selectedKeys: [theme], onClick: ({ key }) => preferences.set({ theme: key as Theme }) }}
      >
        <Button type="text" icon={<BgColorsOutlined />} aria-label={t("theme.choose")} title={t("theme.choose")} />
      </Dropdown>
      <Button type="text" icon={<TranslationOutlined />} lang={other === "zh" ? "zh-CN" : "en"} onClick={ask}>
        {other === "zh" ? "中文" : "English"}
      </Button>
    </>
  );
}
