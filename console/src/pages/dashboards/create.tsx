/** A new dashboard: its title, and the tags that a first one is made of. */

import { Form, Input, Modal, Switch } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { Problem } from "~/api/client";
import { ProblemBox } from "~/parts/problem";
import { Picker } from "~/parts/trend/picker";
import { t } from "~/texts";
import { create, useKeep } from "./data";
import { type Board, madeOf, nameOf, SCHEMA, write } from "./model";
import "~/parts/trend/trend.css";

const MOST = 50;

export function Create({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const keep = useKeep();
  const [title, setTitle] = useState("");
  const [name, setName] = useState<string>();
  const [tags, setTags] = useState<string[]>([]);
  const [shared, setShared] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const chosen = name ?? (title ? nameOf(title) : "");

  async function make(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    const board: Board = { schema: SCHEMA, name: chosen, title, widgets: madeOf(tags) };
    try {
      const made = await create(write(shared ? { ...board, shared } : board), "");
      keep(made);
      await navigate(`/dashboards/${made.name}?mode=edit`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={t("dashboards.new")}
      okText={t("dashboards.make")}
      cancelText={t("dashboards.cancel")}
      okButtonProps={{ disabled: !title.trim() || !chosen, loading: busy }}
      onOk={() => void make()}
      onCancel={onClose}
    >
      <Form layout="vertical" component="div">
        <Form.Item label={t("dashboards.field.title")} required>
          <Input
            autoFocus
            value={title}
            maxLength={120}
            aria-label={t("dashboards.field.title")}
            onChange={(event) => setTitle(event.target.value)}
          />
        </Form.Item>
        <Form.Item label={t("dashboards.field.name")} extra={t("dashboards.field.name_help")}>
          <Input
            value={chosen}
            maxLength={63}
            aria-label={t("dashboards.field.name")}
            onChange={(event) => setName(event.target.value)}
          />
        </Form.Item>
        <Form.Item label={t("dashboards.field.from_tags")} extra={t("dashboards.field.from_tags_help")}>
          <Picker tags={tags} most={MOST} onChange={setTags} />
        </Form.Item>
        <Form.Item label={t("dashboards.field.shared")}>
          <Switch checked={shared} onChange={setShared} aria-label={t("dashboards.field.shared")} />
        </Form.Item>
      </Form>
      {problem && <ProblemBox problem={problem} />}
    </Modal>
  );
}
