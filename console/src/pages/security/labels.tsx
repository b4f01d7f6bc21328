/** Grades of data: those in force, and what the rules propose for a person to decide. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input, Modal, Popconfirm } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { api, type Schemas, take } from "~/api/client";
import { useMay } from "~/app/session";
import { Choice } from "~/parts/choice";
import type { Column } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { Paged } from "~/parts/paged";
import { t } from "~/texts";

type Label = Schemas["LabelView"];

const VIEWS = ["in_force", "proposals"] as const;

// texts: label_state.*
// texts: labels.*
export function Labels() {
  const may = useMay();
  const [params, setParams] = useSearchParams();
  const view = params.get("show") === "proposals" ? "proposals" : "in_force";
  const prefix = params.get("below") ?? "";
  const [proposing, setProposing] = useState(false);
  const go = (show: string, below: string) =>
    setParams({ tab: "labels", ...(show === "proposals" ? { show } : {}), ...(below ? { below } : {}) });
  const waiting = useQuery({
    queryKey: ["proposals", "some"],
    queryFn: () => take(api.GET("/api/v1/access/labels/proposals", { params: { query: { limit: 100 } } })),
  }).data?.items.length;
  const options = VIEWS.map((value) => ({
    value,
    label:
      value === "proposals" && waiting
        ? t("labels.proposals_waiting", { count: waiting >= 100 ? "100+" : waiting })
        : t(`labels.${value}`),
  }));
  return (
    <>
      <div className="toolbar">
        <Choice label={t("labels.view")} value={view} options={options} onChange={(show) => go(show, "")} />
        {view === "in_force" && (
          <Input.Search
            className="wide-field"
            allowClear
            key={prefix}
            defaultValue={prefix}
            placeholder={t("labels.below")}
            aria-label={t("labels.below")}
            onSearch={(below) => go(view, below.trim())}
          />
        )}
        <span className="grow" />
        {may("access:label") && <Button onClick={() => setProposing(true)}>{t("labels.propose")}</Button>}
      </div>
      {view === "in_force" ? <Standing prefix={prefix} /> : <Proposals />}
      {proposing && (
        <Proposing
          onClose={() => setProposing(false)}
          onDone={() => {
            setProposing(false);
            go("proposals", "");
          }}
        />
      )}
    </>
  );
}

function columnsOf(): Column<Label>[] {
  return [
    {
      key: "object",
      title: t("security.object"),
      width: "minmax(280px, 2fr)",
      render: (row) =>
        row.kind === "tag" ? (
          <Link to={`/identifiers?id=${encodeURIComponent(row.object)}`} title={row.object}>
            {row.object}
          </Link>
        ) : (
          <span title={row.object}>{row.object}</span>
        ),
    },
    { key: "domain", title: t("security.domain"), width: "130px", render: (row) => t(`domain.${row.label.domain}`) },
    {
      key: "grade",
      title: t("security.grade"),
      width: "150px",
      render: (row) => `${row.label.grade_2020} · ${t(`grade.${row.label.grade_2022}`)}`,
    },
    { key: "owner", title: t("security.owner"), width: "130px", render: (row) => row.label.owner },
    {
      key: "export",
      title: t("security.export_rule"),
      width: "130px",
      render: (row) => t(`export.${row.label.export}`),
    },
    { key: "state", title: t("security.state"), width: "110px", render: (row) => t(`label_state.${row.state}`) },
    {
      key: "reason",
      title: t("security.reason"),
      width: "minmax(200px, 1.4fr)",
      render: (row) => <span title={row.reason}>{row.reason}</span>,
    },
  ];
}

// texts: domain.*
// texts: grade.*
// texts: export.*
function Standing({ prefix }: { prefix: string }) {
  return (
    <Paged
      label={t("security.labels")}
      queryKey={["labels", prefix]}
      columns={columnsOf()}
      rowKey={(row) => `${row.kind} ${row.object} ${row.version}`}
      fetch={(cursor) => take(api.GET("/api/v1/access/labels", { params: { query: { cursor, prefix, limit: 200 } } }))}
      empty={
        <Nothing title={t("security.no_labels")}>
          <p>{t("security.no_labels_hint")}</p>
        </Nothing>
      }
    />
  );
}

/** Which of the proposals were decided here: they stay in the list until it is read anew. */
const keyOf = (row: Label) => `${row.kind} ${row.object} ${row.version}`;

function Proposals() {
  const may = useMay();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [decided, setDecided] = useState<ReadonlyMap<string, boolean>>(new Map());
  const decide = useMutation({
    mutationFn: ({ row, confirm }: { row: Label | undefined; confirm: boolean }) =>
      take(
        api.POST("/api/v1/access/labels/decide", {
          body: {
            kind: row?.kind ?? "tag",
            objects: row ? [row.object] : [],
            prefix: "",
            confirm,
            version: row?.version ?? null,
          },
        }),
      ),
    onSuccess: ({ count }, { row, confirm }) => {
      if (row) setDecided((before) => new Map(before).set(keyOf(row), confirm));
      else message.success(t("labels.confirmed", { count }));
    },
    onError: (problem) => message.error(problem.message),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["proposals"] }),
        client.invalidateQueries({ queryKey: ["labels"] }),
      ]),
  });
  const columns = columnsOf().filter((column) => column.key !== "state");
  if (may("access:label"))
    columns.push({
      key: "act",
      title: "",
      width: "190px",
      render: (row) => {
        const verdict = decided.get(keyOf(row));
        if (verdict !== undefined)
          return (
            <span className={verdict ? "chip good" : "chip"}>
              {t(verdict ? "label_state.confirmed" : "label_state.rejected")}
            </span>
          );
        return (
          <span className="button-row">
            <Button size="small" type="primary" onClick={() => decide.mutate({ row, confirm: true })}>
              {t("labels.confirm")}
            </Button>
            <Button size="small" onClick={() => decide.mutate({ row, confirm: false })}>
              {t("labels.reject")}
            </Button>
          </span>
        );
      },
    });
  return (
    <>
      {may("access:label") && (
        <div className="toolbar">
          <span className="quiet grow">{t("labels.proposals_help")}</span>
          <Popconfirm title={t("labels.all_sure")} onConfirm={() => decide.mutate({ row: undefined, confirm: true })}>
            <Button>{t("labels.confirm_all")}</Button>
          </Popconfirm>
        </div>
      )}
      <Paged
        label={t("labels.proposals")}
        queryKey={["proposals"]}
        columns={columns}
        rowKey={keyOf}
        fetch={(cursor) =>
          take(api.GET("/api/v1/access/labels/proposals", { params: { query: { cursor, limit: 200 } } }))
        }
        empty={
          <Nothing title={t("labels.no_proposals")}>
            <p>{t("labels.no_proposals_hint")}</p>
          </Nothing>
        }
      />
    </>
  );
}

/** Let the rules propose grades for everything below a path. */
function Proposing({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ prefix: string; owner: string }>();
  const propose = useMutation({
    mutationFn: ({ prefix, owner }: { prefix: string; owner: string }) =>
      take(api.POST("/api/v1/access/labels/propose", { body: { prefix, owner, objects: [] } })),
    onSuccess: async ({ count }) => {
      message.success(t("labels.proposed", { count }));
      await client.invalidateQueries({ queryKey: ["proposals"] });
      onDone();
    },
    onError: (problem) => message.error(problem.message),
  });
  return (
    <Modal
      open
      title={t("labels.propose")}
      okText={t("labels.propose")}
      confirmLoading={propose.isPending}
      onOk={form.submit}
      onCancel={onClose}
    >
      <p className="quiet">{t("labels.propose_hint")}</p>
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ prefix: "", owner: "" }}
        onFinish={propose.mutate}
      >
        <Form.Item name="prefix" label={t("labels.below")}>
          <Input placeholder={t("labels.everything")} />
        </Form.Item>
        <Form.Item
          name="owner"
          label={t("security.owner")}
          rules={[{ required: true, whitespace: true, message: t("signin.required") }]}
        >
          <Input />
        </Form.Item>
      </Form>
    </Modal>
  );
}
