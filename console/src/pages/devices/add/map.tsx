/** Third step: which points, under which names. Two thousand of them stay as quick as twenty: only rows in view are there. */

import { DeleteOutlined } from "@ant-design/icons";
import { Button, Input, InputNumber, Select } from "antd";
import { useCallback, useDeferredValue, useMemo } from "react";
import { useAddressText } from "~/parts/address_text";
import * as format from "~/parts/format";
import { type Column, Grid } from "~/parts/grid";
import { Nothing, Panel } from "~/parts/page";
import { t } from "~/texts";
import type { StepProps } from "./add";
import { type DraftPoint, drafted, type Kind, type Point } from "./draft";

const KINDS: Kind[] = ["number", "integer", "boolean", "text"];
type Stored = NonNullable<Point["type"]>;
/** How a device stores a value, where its protocol does not say so itself. */
const STORED: Stored[] = [
  "bool",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "float32",
  "float64",
  "text",
  "bcd16",
  "bcd32",
];

interface Edit {
  /** Another field of a point. */
  set: (key: string, changed: Partial<Point>) => void;
  choose: (key: string, chosen: boolean) => void;
  drop: (key: string) => void;
}

export function MapStep({ draft, driver, change, go }: StepProps) {
  const [filter, setFilter] = useAddressText("filter");
  const asked = useDeferredValue(filter);
  const rows = useMemo(() => {
    const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
    return draft.points.filter(({ point }) => {
      const text = `${point.name} ${point.address} ${point.description ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [draft.points, asked]);
  const twice = useMemo(() => namesTwice(draft.points), [draft.points]);
  const edit = useEdit(change);
  const columns = useMemo(() => columnsOf(edit, driver?.writes ?? true, twice), [edit, driver?.writes, twice]);
  const chosen = draft.points.filter((each) => each.chosen).length;

  /** Chosen or not: all rows that the filter shows. */
  function chooseShown(wanted: boolean): void {
    const shown = new Set(rows.map((row) => row.key));
    change(({ points }) => ({
      points: points.map((each) => (shown.has(each.key) ? { ...each, chosen: wanted } : each)),
    }));
  }

  return (
    <Panel className="flush grid-panel step">
      <div className="toolbar">
        <Input
          className="field"
          allowClear
          value={filter}
          placeholder={t("device.filter")}
          aria-label={t("device.filter")}
          onChange={(event) => setFilter(event.target.value)}
        />
        <Button onClick={() => chooseShown(true)}>{t("add.choose_shown")}</Button>
        <Button onClick={() => chooseShown(false)}>{t("add.leave_shown")}</Button>
        <Button
          onClick={() => {
            setFilter("");
            const point = { name: `point-${draft.points.length + 1}`, address: "" };
            change(({ points }) => ({ points: [drafted(point), ...points] }));
          }}
        >
          {t("add.point_new")}
        </Button>
        <label className="inline-label">
          {t("device.mode")}
          <Select
            className="mode-field"
            value={draft.mode || driver?.usual}
            onChange={(mode: string) => change({ mode })}
            options={(driver?.modes ?? []).map((mode) => ({ value: mode, label: t(`mode.${mode}`) }))}
            aria-label={t("device.mode")}
          />
        </label>
        <label className="inline-label">
          {t("device.period")}
          <InputNumber
            className="period-field"
            min={10}
            max={86_400_000}
            precision={0}
            suffix="ms"
            value={draft.periodMs}
            onChange={(periodMs) => change({ periodMs: periodMs ?? 500 })}
            aria-label={t("device.period")}
          />
        </label>
      </div>
      <Grid
        label={t("add_step.map")}
        columns={columns}
        rows={rows}
        rowKey={(row) => row.key}
        rowHeight={44}
        empty={
          <Nothing title={t(draft.points.length ? "devices.none_found" : "add.no_points")}>
            <Button onClick={() => go("points")}>{t("add_step.points")}</Button>
          </Nothing>
        }
      />
      <div className="step-foot">
        <span className="quiet" role="status">
          {t("add.chosen", { chosen: format.count(chosen), total: format.count(draft.points.length) })}
          {twice.size > 0 && <b className="bad-text"> {t("add.twice", { name: [...twice][0] ?? "" })}</b>}
        </span>
        <Button onClick={() => go("points")}>{t("add.back")}</Button>
        <Button type="primary" onClick={() => go("check")}>
          {t("add.next")}
        </Button>
      </div>
    </Panel>
  );
}

function useEdit(change: StepProps["change"]): Edit {
  const one = useCallback(
    (key: string, changed: (before: DraftPoint) => DraftPoint) =>
      change(({ points }) => ({ points: points.map((each) => (each.key === key ? changed(each) : each)) })),
    [change],
  );
  return useMemo(
    () => ({
      set: (key, changed) => one(key, (before) => ({ ...before, point: { ...before.point, ...changed } })),
      choose: (key, chosen) => one(key, (before) => ({ ...before, chosen })),
      drop: (key) => change(({ points }) => ({ points: points.filter((each) => each.key !== key) })),
    }),
    [one, change],
  );
}

/** Names that two chosen points have. */
function namesTwice(points: readonly DraftPoint[]): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { chosen, point } of points) {
    if (chosen && seen.has(point.name)) twice.add(point.name);
    if (chosen) seen.add(point.name);
  }
  return twice;
}

// The cells are the browser's own elements: eleven of them in each row in view, made anew while somebody scrolls.

interface TextProps {
  value: string;
  label: string;
  wrong?: boolean;
  mono?: boolean;
  type?: "text" | "number";
  disabled?: boolean;
  onSet: (value: string) => void;
}

/** A cell of text: what is typed is taken over when one leaves it, so that typing never waits for the table. */
function Text({ value, label, wrong, mono, type = "text", disabled, onSet }: TextProps) {
  return (
    <input
      key={value}
      type={type}
      defaultValue={value}
      disabled={disabled}
      min={type === "number" ? 0 : undefined}
      step="any"
      aria-label={label}
      aria-invalid={wrong}
      spellCheck={false}
      className={mono ? "cell mono" : "cell"}
      onBlur={(event) => event.target.value.trim() !== value && onSet(event.target.value.trim())}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}

interface PickProps {
  value: string;
  label: string;
  options: { value: string; label: string }[];
  onSet: (value: string) => void;
}

function Pick({ value, label, options, onSet }: PickProps) {
  return (
    <select className="cell" value={value} aria-label={label} onChange={(event) => onSet(event.target.value)}>
      {options.map((each) => (
        <option key={each.value} value={each.value}>
          {each.label}
        </option>
      ))}
    </select>
  );
}

interface TickProps {
  checked: boolean;
  label: string;
  disabled?: boolean;
  onSet: (checked: boolean) => void;
}

function Tick({ checked, label, disabled, onSet }: TickProps) {
  return (
    <input
      type="checkbox"
      className="cell-tick"
      checked={checked}
      disabled={disabled}
      aria-label={label}
      onChange={(event) => onSet(event.target.checked)}
    />
  );
}

function withDeadband(report: Point["report"], deadband: number): Point["report"] {
  const { deadband: _, ...others } = report ?? {};
  const after = deadband > 0 ? { ...others, deadband } : others;
  return Object.keys(after).length ? (after as Point["report"]) : null;
}

function columnsOf(edit: Edit, writes: boolean, twice: Set<string>): Column<DraftPoint>[] {
  const kinds = KINDS.map((kind) => ({ value: kind, label: t(`kind.${kind}`) }));
  const stored = ["", ...STORED].map((type) => ({ value: type, label: type || t("add.stored_usual") }));
  return [
    {
      key: "chosen",
      title: "",
      width: "44px",
      render: ({ key, chosen, point }) => (
        <Tick
          checked={chosen}
          label={t("add.choose", { name: point.name })}
          onSet={(wanted) => edit.choose(key, wanted)}
        />
      ),
    },
    {
      key: "name",
      title: t("device.point"),
      width: "minmax(180px, 1.6fr)",
      render: ({ key, chosen, point }) => (
        <Text
          value={point.name}
          label={t("add.name_of", { name: point.name })}
          wrong={!point.name || (chosen && twice.has(point.name))}
          onSet={(name) => edit.set(key, { name })}
        />
      ),
    },
    {
      key: "address",
      title: t("device.address"),
      width: "minmax(160px, 1.4fr)",
      render: ({ key, point }) => (
        <Text
          value={point.address}
          mono
          wrong={!point.address}
          label={t("add.address_of", { name: point.name })}
          onSet={(address) => edit.set(key, { address })}
        />
      ),
    },
    {
      key: "kind",
      title: t("add.kind"),
      width: "116px",
      render: ({ key, point }) => (
        <Pick
          value={point.kind ?? "number"}
          label={t("add.kind_of", { name: point.name })}
          onSet={(kind) => edit.set(key, { kind: kind as Kind })}
          options={kinds}
        />
      ),
    },
    {
      key: "type",
      title: t("add.stored"),
      width: "120px",
      render: ({ key, point }) => (
        <Pick
          value={point.type ?? ""}
          label={t("add.stored_of", { name: point.name })}
          onSet={(type) => edit.set(key, { type: type as Stored })}
          options={stored}
        />
      ),
    },
    {
      key: "scale",
      title: t("add.scale"),
      width: "90px",
      render: ({ key, point }) => (
        <Text
          value={point.scale ?? ""}
          label={t("add.scale_of", { name: point.name })}
          onSet={(scale) => edit.set(key, { scale })}
        />
      ),
    },
    {
      key: "unit",
      title: t("add.unit"),
      width: "100px",
      render: ({ key, point }) => (
        <Text
          value={point.unit || point.unit_text || ""}
          label={t("add.unit_of", { name: point.name })}
          onSet={(unit) => edit.set(key, { unit, unit_text: "" })}
        />
      ),
    },
    {
      key: "access",
      title: t("add.may_write"),
      width: "90px",
      render: ({ key, point }) => (
        <Tick
          checked={point.access === "read-write" || point.access === "write"}
          disabled={!writes}
          label={t("add.may_write_of", { name: point.name })}
          onSet={(wanted) => edit.set(key, { access: wanted ? "read-write" : "read" })}
        />
      ),
    },
    {
      key: "deadband",
      title: t("add.deadband"),
      width: "110px",
      number: true,
      render: ({ key, point }) => (
        <Text
          type="number"
          disabled={point.kind === "text" || point.kind === "boolean"}
          value={String(point.report?.deadband ?? 0)}
          label={t("add.deadband_of", { name: point.name })}
          onSet={(text) => edit.set(key, { report: withDeadband(point.report, Number(text)) })}
        />
      ),
    },
    {
      key: "drop",
      title: "",
      width: "56px",
      render: ({ key, point }) => (
        <button
          type="button"
          className="cell-drop"
          aria-label={t("add.drop", { name: point.name })}
          onClick={() => edit.drop(key)}
        >
          <DeleteOutlined />
        </button>
      ),
    },
  ];
}
