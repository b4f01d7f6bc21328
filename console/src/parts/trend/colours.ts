/** Ten colours that are told apart on each background, by people who see few colours too. */

import type { Theme } from "~/app/preferences";

const LIGHT = [
  "#0b5cad",
  "#c2410c",
  "#0f766e",
  "#7c3aed",
  "#b91c1c",
  "#4d7c0f",
  "#be185d",
  "#854d0e",
  "#0369a1",
  "#475569",
];
const DARK = [
  "#58a6ff",
  "#ff9e4a",
  "#2dd4bf",
  "#b79bff",
  "#ff7b72",
  "#a3d65c",
  "#f472b6",
  "#e5c07b",
  "#7dd3fc",
  "#a8b5c4",
];
const CONTRAST = [
  "#ffd60a",
  "#00e5ff",
  "#ff7ae5",
  "#5dff9b",
  "#ff9e4a",
  "#ffffff",
  "#9db4ff",
  "#ff8080",
  "#c6ff00",
  "#d0d0d0",
];

export function coloursOf(theme: Theme): readonly string[] {
  return { light: LIGHT, dark: DARK, contrast: CONTRAST }[theme];
}
