import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/**
 * Dialogues of Ant Design lock the page's scrolling by a style element without a nonce, which the content security
 * policy refuses. The frame never scrolls as a whole, so there is nothing to lock.
 */
const noScrollLock: Plugin = {
  name: "no-scroll-lock",
  load: (id) =>
    id.split("?")[0]?.endsWith("/portal/es/useScrollLocker.js") ? "export default function useScrollLocker() {}" : null,
};

export default defineConfig({
  plugins: [noScrollLock, react()],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  html: { cspNonce: "__NONCE__" }, // the server puts a fresh one into each answer
  build: {
    outDir: "../src/lineshaft/web/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // nothing as data: addresses, which the content security policy refuses
    manifest: true,
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/api": { target: process.env.LINESHAFT_BOX ?? "http://127.0.0.1:8420", ws: true } } },
});
