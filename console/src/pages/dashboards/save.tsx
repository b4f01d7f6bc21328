/** Saving: why, for those who look at the versions later. */

import { SaveOutlined } from "@ant-design/icons";
import { Button, Input, Popover } from "antd";
import { useState } from "react";
import { t } from "~/texts";

interface SaveProps {
  disabled: boolean;
  busy: boolean;
  onSave: (comment: string) => void;
}

export function Save({ disabled, busy, onSave }: SaveProps) {
  const [open, setOpen] = useState(false);
  const [comment, setComment] = useState("");

  function save(): void {
    setOpen(false);
    setComment("");
    onSave(comment.trim());
  }

  return (
    <Popover
      trigger="click"
      open={open && !disabled}
      onOpenChange={setOpen}
      placement="bottomRight"
      content={
        <div className="board-save">
          <Input
            autoFocus
            value={comment}
            maxLength={500}
            placeholder={t("dashboards.comment")}
            aria-label={t("dashboards.comment")}
            onChange={(event) => setComment(event.target.value)}
            onPressEnter={save}
          />
          <Button type="primary" onClick={save}>
            {t("dashboards.save")}
          </Button>
        </div>
      }
    >
      <Button type="primary" icon={<SaveOutlined />} disabled={disabled} loading={busy}>
        {t("dashboards.save")}
      </Button>
    </Popover>
  );
}
