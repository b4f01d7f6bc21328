/** What a few characters lead to: pages, devices, tags, gateways, dashboards, principals; and any identifier at all. */

import {
  ApiOutlined,
  AppstoreOutlined,
  BarcodeOutlined,
  ClusterOutlined,
  TagOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { api, take } from "~/api/client";
import { pages } from "~/pages";
import { t } from "~/texts";
import { useMay } from "./session";

export interface Hit {
  key: string;
  icon: ComponentType;
  title: string;
  detail: string;
  to: string;
}

/** Of each kind. */
const MOST = 8;
/** Of what the server does not search itself, this many are looked through here. */
const LOOKED_THROUGH = 1000;
const KEPT_MS = 30_000;

/** Whether each of the words is somewhere in these texts. */
export function holds(words: string, ...texts: string[]): boolean {
  const all = texts.join("\n").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function usePages(words: string): Hit[] {
  const may = useMay();
  return pages
    .filter((page) => may(page.action) && holds(words, t(page.text)))
    .map((page) => ({ key: page.path, icon: page.icon, title: t(page.text), detail: t("search.page"), to: page.path }));
}

/** What the server finds by words. */
function useSearched(words: string): { hits: Hit[]; busy: boolean } {
  const may = useMay();
  const query = { search: words, limit: MOST };
  const devices = useQuery({
    queryKey: ["search", "devices", words],
    queryFn: ({ signal }) => take(api.GET("/api/v1/edge/devices", { params: { query }, signal })),
    enabled: words.length > 0 && may("edge:read"),
  });
  const tags = useQuery({
    queryKey: ["search", "tags", words],
    queryFn: ({ signal }) => take(api.GET("/api/v1/history/tags", { params: { query }, signal })),
    enabled: words.length > 0 && may("history:read"),
  });
  const hits = [
    ...(devices.data?.items ?? []).map((device) => ({
      key: device.handle,
      icon: ApiOutlined,
      title: device.name,
      detail: device.description || device.path,
      to: `/devices/${encodeURIComponent(device.name)}`,
    })),
    ...(tags.data?.items ?? []).map((tag) => ({
      key: tag.handle,
      icon: TagOutlined,
      title: tag.path.split("/").slice(-2).join("/"),
      detail: tag.description || tag.path,
      to: `/trends?tag=${encodeURIComponent(tag.path)}`,
    })),
  ];
  return { hits, busy: devices.isLoading || tags.isLoading };
}

/** What there is little of: asked for once, and looked through here. */
function useListed(words: string): { hits: Hit[]; busy: boolean } {
  const may = useMay();
  const wanted = words.length > 0;
  const params = { query: { limit: LOOKED_THROUGH } };
  const gateways = useQuery({
    queryKey: ["search", "gateways"],
    queryFn: () => take(api.GET("/api/v1/edge/gateways")),
    enabled: wanted && may("edge:read"),
    staleTime: KEPT_MS,
  });
  const dashboards = useQuery({
    queryKey: ["search", "dashboards"],
    queryFn: () => take(api.GET("/api/v1/dashboards", { params })),
    enabled: wanted && may("dashboards:read"),
    staleTime: KEPT_MS,
  });
  const principals = useQuery({
    queryKey: ["search", "principals"],
    queryFn: () => take(api.GET("/api/v1/access/principals", { params })),
    enabled: wanted && may("access:manage"),
    staleTime: KEPT_MS,
  });
  const hits = [
    ...(gateways.data?.items ?? [])
      .filter((gateway) => holds(words, gateway.name))
      .slice(0, MOST)
      .map((gateway) => ({
        key: `gateway/${gateway.name}`,
        icon: ClusterOutlined,
        title: gateway.name,
        detail: t("search.gateway"),
        to: `/devices?gateway=${encodeURIComponent(gateway.name)}`,
      })),
    ...(dashboards.data?.items ?? [])
      .filter((board) => holds(words, board.name, board.title, board.handle))
      .slice(0, MOST)
      .map((board) => ({
        key: board.handle,
        icon: AppstoreOutlined,
        title: board.title || board.name,
        detail: t("search.dashboard"),
        to: `/dashboards/${encodeURIComponent(board.name)}`,
      })),
    ...(principals.data?.items ?? [])
      .filter((principal) => holds(words, principal.name, principal.id))
      .slice(0, MOST)
      .map((principal) => ({
        key: principal.id,
        icon: UserOutlined,
        title: principal.name,
        detail: t(`kind.${principal.kind}`),
        to: `/security/principals/${encodeURIComponent(principal.name)}`,
      })),
  ];
  return { hits, busy: gateways.isLoading || dashboards.isLoading || principals.isLoading };
}

/** All of them, in the order shown. `found`: whether any of ours has those words. */
export function useHits(words: string): { hits: Hit[]; busy: boolean; found: boolean } {
  const may = useMay();
  const searched = useSearched(words);
  const listed = useListed(words);
  const busy = searched.busy || listed.busy;
  // All at once: a list that grows in the middle moves away under the finger that is about to press Enter.
  const hits = [...usePages(words), ...(busy ? [] : [...searched.hits, ...(words ? listed.hits : [])])];
  const found = hits.length > 0;
  if (words && may("resolution:read")) {
    hits.push({
      key: "resolve",
      icon: BarcodeOutlined,
      title: t("search.resolve", { words }),
      detail: t("search.resolve_detail"),
      to: `/identifiers?id=${encodeURIComponent(words)}`,
    });
  }
  return { hits, busy, found };
}
