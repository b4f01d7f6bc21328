/** What the dashboards pages ask the server. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, take } from "~/api/client";

export type DashboardView = Schemas["DashboardView"];
export type DashboardRow = Schemas["DashboardRow"];

export const LIST = ["dashboards"];
const keyOf = (name: string) => ["dashboard", name];

export function useDashboard(name: string) {
  return useQuery({
    queryKey: keyOf(name),
    queryFn: () => take(api.GET("/api/v1/dashboards/{dashboard}", { params: { path: { dashboard: name } } })),
    retry: false,
  });
}

export function create(text: string, comment: string): Promise<DashboardView> {
  return take(api.POST("/api/v1/dashboards", { body: { text, comment } }));
}

/** `etag` is that of the version which was changed: refused where a newer one is there. */
export function save(name: string, etag: string, text: string, comment: string): Promise<DashboardView> {
  return take(
    api.PUT("/api/v1/dashboards/{dashboard}", {
      params: { path: { dashboard: name }, header: { "If-Match": etag } },
      body: { text, comment },
    }),
  );
}

export function restore(view: DashboardView, version: number): Promise<DashboardView> {
  return take(
    api.POST("/api/v1/dashboards/{dashboard}/versions/{version}/restore", {
      params: { path: { dashboard: view.name, version }, header: { "If-Match": view.etag } },
    }),
  );
}

export function remove(name: string): Promise<unknown> {
  return take(api.DELETE("/api/v1/dashboards/{dashboard}", { params: { path: { dashboard: name } } }));
}

/** Keeps what the server answered to a change, and lets lists and versions be asked for anew. */
export function useKeep() {
  const client = useQueryClient();
  return (view: DashboardView) => {
    client.setQueryData(keyOf(view.name), view);
    void client.invalidateQueries({ queryKey: LIST });
    void client.invalidateQueries({ queryKey: ["dashboard versions", view.name] });
  };
}

/** Forgets one that was deleted. */
export function useForget() {
  const client = useQueryClient();
  return (name: string) => {
    client.removeQueries({ queryKey: keyOf(name) });
    void client.invalidateQueries({ queryKey: LIST });
  };
}
