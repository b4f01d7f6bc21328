/** A secret that is shown this once: to be copied, and gone when the window is closed. */

import { Alert, App, Input, type InputRef, Modal } from "antd";
import { useRef } from "react";
import type { Schemas } from "~/api/client";
import { t } from "~/texts";
import * as format from "./format";

interface SecretProps {
  title: string;
  text: string;
  note: string;
  onClose: () => void;
}

export function ShownOnce({ title, text, note, onClose }: SecretProps) {
  const { message } = App.useApp();
  const area = useRef<InputRef>(null);

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      message.success(t("once.copied"));
    } catch {
      // Browsers give the clipboard to secure pages only.
      area.current?.focus({ cursor: "all" });
      message.warning(t("once.copy_failed"));
    }
  }

  return (
    <Modal
      open
      title={title}
      okText={t("once.copy")}
      cancelText={t("once.close")}
      onOk={() => void copy()}
      onCancel={onClose}
      mask={{ closable: false }}
    >
      <Alert type="warning" showIcon title={t("once.shown")} description={note} />
      <Input.TextArea
        ref={area}
        className="mono secret"
        readOnly
        rows={3}
        value={text}
        aria-label={title}
        onFocus={(event) => event.target.select()}
      />
    </Modal>
  );
}

/** The link with which a person chooses a password. */
export function OneTimeLink({ link, onClose }: { link: Schemas["NewInvitationView"]; onClose: () => void }) {
  return (
    <ShownOnce
      title={t("once.link")}
      text={new URL(link.path, window.location.origin).href}
      note={t("once.link_note", { time: format.dateTime(link.expires) })}
      onClose={onClose}
    />
  );
}
