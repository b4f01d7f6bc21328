import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Schemas } from "~/api/client";

beforeAll(() => {
  vi.stubGlobal("location", { origin: "http://127.0.0.1" });
  vi.stubGlobal("navigator", { language: "en-GB" });
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: { dataset: {} } });
});

const VALUE = {
  index: 1,
  type: "URL",
  kind: "text",
  data: "http://192.0.2.1/",
  text: "http://192.0.2.1/",
  ttl: 86400,
  ttl_until: null,
  changed: "2026-01-01T00:00:00Z",
  proved: "proved",
  public_read: true,
  admin_read: true,
  public_write: false,
  admin_write: true,
};

describe("the record of an identifier", () => {
  it("says of each value who may see it and whether its signature holds", async () => {
    const { loadTexts, t } = await import("~/texts");
    await loadTexts("en");
    const { Record } = await import("./record");
    const resolved = {
      handle: "88.100/press",
      answer: { authoritative: true, signed: true, stale: false, aliases: [] },
      values: [{ ...VALUE, index: 2, proved: "changed", public_read: false }, VALUE],
      signatures: [{ withheld: [7] }],
    } as unknown as Schemas["ResolvedView"];
    const page = renderToStaticMarkup(<Record resolved={resolved} />);
    expect(page).toContain(t("record.authoritative"));
    expect(page).toContain(t("record.withheld", { indexes: "7" }));
    const values = page.split("<li").slice(1);
    expect(values[0]).toContain(t("proved.proved"));
    expect(values[0]).toContain(t("may.read_all"));
    expect(values[1]).toContain(t("proved.changed"));
    expect(values[1]).toContain(t("may.read_admin"));
  }, 120_000); // loading all that a page stands on may take long
});
