/** Ant Design in our colours. The same colours are in `styles/base.css` for what is ours. */

import { theme as antd, type ThemeConfig } from "antd";
import type { Theme } from "./preferences";

const SHARED = {
  borderRadius: 6,
  fontSize: 14,
  controlHeight: 34,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif',
  wireframe: false,
};

const COLOURS: Record<Theme, NonNullable<ThemeConfig["token"]>> = {
  light: {
    colorPrimary: "#0b5cad",
    colorLink: "#0b5cad",
    colorSuccess: "#14673a",
    colorSuccessBg: "#e3f4ea",
    colorWarningBg: "#fdf0dc",
    colorWarning: "#8a4f00",
    colorError: "#c62828",
    colorTextBase: "#16202b",
    colorBgLayout: "#f3f5f8",
    colorBorder: "#c9d2dc",
    colorBorderSecondary: "#dfe5ec",
    colorTextDescription: "#566676",
    colorTextPlaceholder: "#667688",
    colorTextSecondary: "#4a5a6a",
    colorTextTertiary: "#566676",
  },
  dark: {
    colorPrimary: "#66b0ff",
    colorLink: "#74b8ff",
    colorSuccess: "#3fb97a",
    colorWarning: "#e0a33a",
    colorError: "#ff7b72",
    colorTextBase: "#e6edf3",
    colorBgBase: "#121a23",
    colorBgLayout: "#0c1218",
    colorBgContainer: "#151e28",
    colorBgElevated: "#1c2733",
    colorBorder: "#364454",
    colorBorderSecondary: "#263340",
    colorTextDescription: "#9fb0c0",
    colorTextPlaceholder: "#8a9aab",
    colorTextSecondary: "#b3c1cf",
    colorTextTertiary: "#9fb0c0",
    colorTextLightSolid: "#08121c",
  },
  contrast: {
    colorPrimary: "#ffd60a",
    colorLink: "#ffd60a",
    colorSuccess: "#5dff9b",
    colorWarning: "#ffb020",
    colorError: "#ff8080",
    colorTextBase: "#ffffff",
    colorBgBase: "#000000",
    colorBgLayout: "#000000",
    colorBgContainer: "#000000",
    colorBgElevated: "#0a0a0a",
    colorBorder: "#ffffff",
    colorBorderSecondary: "#b0b0b0",
    colorTextDescription: "#ffffff",
    colorTextPlaceholder: "#d0d0d0",
    colorTextSecondary: "#ffffff",
    colorTextTertiary: "#ffffff",
    colorTextLightSolid: "#000000",
  },
};

/** On the ground of a chosen entry the dark theme's own blue is too dim to read. */
const CHOSEN: Partial<Record<Theme, string>> = { dark: "#8ec5ff" };

/** Ant Design places what pops up in step with its animation: who wants none must be told to it, not to the style sheet. */
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function themeConfig(theme: Theme): ThemeConfig {
  return {
    algorithm: theme === "light" ? antd.defaultAlgorithm : antd.darkAlgorithm,
    token: { ...SHARED, ...COLOURS[theme], motion: !still() },
    components: CHOSEN[theme] ? { Dropdown: { colorPrimary: CHOSEN[theme] } } : {},
    cssVar: { prefix: "ls" },
    hashed: false,
  };
}
