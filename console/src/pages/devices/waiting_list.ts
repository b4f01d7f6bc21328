/** Writes that wait for a second person, newest first. */

import { useQuery } from "@tanstack/react-query";
import { api, take } from "~/api/client";

export function useWaiting(enabled = true) {
  return useQuery({
    queryKey: ["commands", "waiting"],
    queryFn: () => take(api.GET("/api/v1/edge/commands", { params: { query: { state: "requested", limit: 1000 } } })),
    refetchInterval: 3000,
    enabled,
  });
}
