/** Ctrl-K: go anywhere by a few characters of its name, path or handle. */

import { EnterOutlined, SearchOutlined } from "@ant-design/icons";
import { Modal } from "antd";
import { type KeyboardEvent, useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { useRested } from "~/parts/rested";
import { t } from "~/texts";
import { type Hit, useHits } from "./hits";

export default function Search({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState("");
  /** Enter was pressed before it was known what the words lead to. */
  const [pressed, setPressed] = useState(false);
  const words = useRested(text.trim());
  const { hits, busy, found } = useHits(words);
  const settled = words === text.trim() && !busy;
  const at = Math.max(
    0,
    hits.findIndex((hit) => hit.key === chosen),
  );

  function go(hit: Hit | undefined): void {
    setPressed(false);
    if (!hit) return;
    onClose();
    void navigate(hit.to);
  }

  useEffect(() => {
    if (pressed && settled) go(hits[at]);
  }, [pressed, settled]);

  function onKey(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return; // these keys choose among the characters of an input method
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen(hits[(at + step + hits.length) % Math.max(1, hits.length)]?.key ?? "");
    }
    if (event.key === "Enter") setPressed(true);
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
            setPressed(false);
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
      {words && !found && settled && <p className="search-none">{t("search.none", { words: text })}</p>}
    </Modal>
  );
}
