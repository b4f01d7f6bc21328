/** Ctrl-K: go to a page, a device or a tag by a few characters of its name, path or handle. */

import { ApiOutlined, EnterOutlined, SearchOutlined, TagOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Modal } from "antd";
import { type ComponentType, type KeyboardEvent, useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { api, take } from "~/api/client";
import { pages } from "~/pages";
import { t } from "~/texts";
import { useMay } from "./session";

interface Hit {
  key: string;
  icon: ComponentType;
  title: string;
  detail: string;
  to: string;
}

const MOST = 8;

/** What follows a text once it has rested for a moment. */
function useRested(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), 150);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

function usePages(words: string): Hit[] {
  const may = useMay();
  return pages
    .filter((page) => may(page.action) && t(page.text).toLowerCase().includes(words))
    .map((page) => ({ key: page.path, icon: page.icon, title: t(page.text), detail: t("search.page"), to: page.path }));
}

function useObjects(words: string): { hits: Hit[]; busy: boolean } {
  const may = useMay();
  const query = { search: words, limit: MOST };
  const devices = useQuery({
    queryKey: ["search", "devices", words],
    queryFn: () => take(api.GET("/api/v1/edge/devices", { params: { query } })),
    enabled: words.length > 0 && may("edge:read"),
  });
  const tags = useQuery({
    queryKey: ["search", "tags", words],
    queryFn: () => take(api.GET("/api/v1/history/tags", { params: { query } })),
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
  // All at once: a list that grows in the middle moves away under the finger that is about to press Enter.
  const busy = devices.isLoading || tags.isLoading;
  return { hits: busy ? [] : hits, busy };
}

export default function Search({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState("");
  const words = useRested(text.trim().toLowerCase());
  const objects = useObjects(words);
  const hits = [...usePages(words), ...objects.hits];
  const at = Math.max(
    0,
    hits.findIndex((hit) => hit.key === chosen),
  );

  function go(hit: Hit | undefined): void {
    if (!hit) return;
    onClose();
    void navigate(hit.to);
  }

  function onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen(hits[(at + step + hits.length) % Math.max(1, hits.length)]?.key ?? "");
    }
    if (event.key === "Enter") go(hits[at]);
  }

  return (
    <Modal open onCancel={onClose} footer={null} closable={false} width={640} className="search" destroyOnHidden>
      <div className="search-field">
        <SearchOutlined />
        <input
          autoFocus
          value={text}
          placeholder={t("search.placeholder")}
          aria-label={t("search.prompt")}
          role="combobox"
          aria-expanded="true"
          aria-controls="search-hits"
          aria-activedescendant={hits[at] ? `hit-${at}` : undefined}
          spellCheck={false}
          onChange={(event) => {
            setText(event.target.value);
            setChosen("");
          }}
          onKeyDown={onKey}
        />
      </div>
      <div id="search-hits" role="listbox" aria-label={t("search.hits")} className="search-hits" tabIndex={-1}>
        {hits.map((hit, index) => (
          <div
            key={hit.key}
            id={`hit-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onMouseMove={() => setChosen(hit.key)}
            onClick={() => go(hit)}
          >
            <hit.icon />
            <span>{hit.title}</span>
            <small>{hit.detail}</small>
            {index === at && <EnterOutlined />}
          </div>
        ))}
      </div>
      {hits.length === 0 && !objects.busy && <p className="search-none">{t("search.none", { words: text })}</p>}
    </Modal>
  );
}
