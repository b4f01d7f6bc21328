/** Language and theme, wherever one is. */

import { BgColorsOutlined, TranslationOutlined } from "@ant-design/icons";
import { Button, Dropdown } from "antd";
import { t } from "~/texts";
import { preferences, type Theme, usePreferences } from "./preferences";

const THEMES: Theme[] = ["light", "dark", "contrast"];

export function Choices() {
  const { language, theme } = usePreferences();
  const other = language === "zh" ? "en" : "zh";
  const items = THEMES.map((key) => ({ key, label: t(`theme.${key}`) }));
  return (
    <>
      <Dropdown
        trigger={["click"]}
        menu={{ items, selectedKeys: [theme], onClick: ({ key }) => preferences.set({ theme: key as Theme }) }}
      >
        <Button type="text" icon={<BgColorsOutlined />} aria-label={t("theme.choose")} title={t("theme.choose")} />
      </Dropdown>
      <Button
        type="text"
        icon={<TranslationOutlined />}
        lang={other === "zh" ? "zh-CN" : "en"}
        onClick={() => preferences.set({ language: other })}
      >
        {other === "zh" ? "中文" : "English"}
      </Button>
    </>
  );
}
