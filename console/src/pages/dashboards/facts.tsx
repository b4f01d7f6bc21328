/** Title, description, and who sees it. */

import { InfoCircleOutlined } from "@ant-design/icons";
import { Button, Form, Input, Popover, Switch } from "antd";
import { t } from "~/texts";
import type { DashboardView } from "./data";
import type { Board } from "./model";

interface FactsProps {
  view: DashboardView;
  board: Board;
  onChange: (board: Board) => void;
}

export function Facts({ view, board, onChange }: FactsProps) {
  const { description: _, ...rest } = board;
  return (
    <Popover
      trigger="click"
      placement="bottomRight"
      content={
        <Form layout="vertical" component="div" className="board-facts">
          <Form.Item label={t("dashboards.field.title")}>
            <Input
              value={board.title}
              maxLength={120}
              aria-label={t("dashboards.field.title")}
              onChange={(event) => onChange({ ...board, title: event.target.value })}
            />
          </Form.Item>
          <Form.Item label={t("dashboards.field.description")}>
            <Input.TextArea
              value={board.description ?? ""}
              maxLength={2000}
              rows={3}
              aria-label={t("dashboards.field.description")}
              onChange={(event) => onChange(event.target.value ? { ...board, description: event.target.value } : rest)}
            />
          </Form.Item>
          <Form.Item
            label={t("dashboards.field.shared")}
            extra={t(view.may_share ? "dashboards.field.shared_help" : "dashboards.field.shared_owner", {
              project: view.project,
              owner: view.owner,
            })}
          >
            <Switch
              checked={board.shared ?? false}
              disabled={!view.may_share}
              aria-label={t("dashboards.field.shared")}
              onChange={(shared) => onChange({ ...board, shared })}
            />
          </Form.Item>
        </Form>
      }
    >
      <Button icon={<InfoCircleOutlined />}>{t("dashboards.about")}</Button>
    </Popover>
  );
}
