import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, describe, expect, it, vi } from "vitest";

beforeAll(() => {
  vi.stubGlobal("location", { origin: "http://127.0.0.1" });
  vi.stubGlobal("navigator", { language: "en-GB" });
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: { dataset: {} } });
});

const TOP = {
  address: "http://192.0.2.1:8000",
  known: "own",
  roles: ["top"],
  prefixes: ["0.NA"],
  listens: ["192.0.2.1:2641"],
  up: true,
  primary: true,
  problem: "",
  p95_milliseconds: 4.2,
  checks: [{ name: "workers", ok: true, detail: "2 of 2 answer" }],
  load: { requests_per_second: 120.5, cache_share: 0.75, records: 1200, kept: 0, missing: 7, alarms: 1 },
};
const BELOW = {
  ...TOP,
  address: "http://192.0.2.2:8000",
  known: "watched",
  roles: ["enterprise"],
  prefixes: ["88.100"],
  up: false,
  problem: "it does not answer",
  p95_milliseconds: null,
  checks: [],
  load: null,
};

describe("the page of nodes", () => {
  it("shows each node below the one above it with its load, and what is wrong with it", async () => {
    const { loadTexts, t } = await import("~/texts");
    await loadTexts("en");
    const format = await import("~/parts/format");
    const { Nodes } = await import("./nodes");
    const client = new QueryClient();
    client.setQueryData(["resolution", "nodes"], { items: [BELOW, TOP] });
    const page = renderToStaticMarkup(
      <QueryClientProvider client={client}>
        <Nodes />
      </QueryClientProvider>,
    );
    expect(page).toContain("1 / 2");
    expect(page).toContain(t("nodes.some_down"));
    const rows = page.split("<tr").slice(2);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain("depth-0");
    expect(rows[0]).toContain(`>${format.number(120.5, 3)}<`);
    expect(rows[0]).toContain(`${format.number(4.2, 3)} ms`);
    expect(rows[0]).toContain(`${format.number(75, 3)} %`);
    expect(rows[0]).toContain("2 of 2 answer");
    expect(rows[1]).toContain("depth-1");
    expect(rows[1]).toContain("88.100");
    expect(rows[1]).toContain("it does not answer");
  }, 120_000); // loading all that a page stands on may take long
});
