/** A secret that is shown this once: to be copied, and gone when the window is closed. */

import { Alert, Input, Modal } from "antd";
import { t } from "~/texts";

interface SecretProps {
  title: string;
  text: string;
  note: string;
  onClose: () => void;
}

export function ShownOnce({ title, text, note, onClose }: SecretProps) {
  return (
    <Modal
      open
      title={title}
      okText={t("system.copy")}
      cancelText={t("system.close")}
      onOk={() => void navigator.clipboard.writeText(text)}
      onCancel={onClose}
      mask={{ closable: false }}
    >
      <Alert type="warning" showIcon title={t("system.shown_once")} description={note} />
      <Input.TextArea
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
