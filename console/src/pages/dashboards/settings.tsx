/** What a widget shows, in a drawer beside the board, which shows each change at once. */

import { Drawer, Form, Input, InputNumber, Select } from "antd";
import { lazy, type ReactNode, Suspense } from "react";
import { Choice } from "~/parts/choice";
import { Picker } from "~/parts/trend/picker";
import { t } from "~/texts";
import { KINDS, type Kind, type Limits, MOST_TAGS, TREND_SECONDS, type Widget } from "./model";
import "~/parts/trend/trend.css";

const FlowEditor = lazy(() => import("./flow-editor"));

const SPANS = [300, 900, 3600, 28_800, 86_400, 604_800, 2_592_000];
const LIMITS = ["low_low", "low", "high", "high_high"] as const;
const NARROW = 420;
const WIDE = 860;

interface SettingsProps {
  widget: Widget | undefined;
  onChange: (widget: Widget) => void;
  onClose: () => void;
}

/** The widget with a field, or without it where nothing is given. */
function withField<Key extends keyof Widget>(widget: Widget, key: Key, value: Widget[Key] | undefined): Widget {
  const { [key]: _, ...rest } = widget;
  return (value === undefined || value === "" ? rest : { ...rest, [key]: value }) as Widget;
}

/** The widget as another kind: what that kind does not have is left out, the tags that it may show stay. */
function asKind(widget: Widget, kind: Kind): Widget {
  const { id, place, title, tags } = widget;
  const kept = (tags ?? []).slice(0, MOST_TAGS[kind]);
  return { id, kind, place, ...(title ? { title } : {}), ...(kept.length ? { tags: kept } : {}) };
}

export function Settings({ widget, onChange, onClose }: SettingsProps) {
  return (
    <Drawer
      open={widget !== undefined}
      onClose={onClose}
      title={t("dashboards.settings")}
      size={widget?.kind === "flow" ? WIDE : NARROW}
      mask={false}
    >
      {widget && <Fields widget={widget} onChange={onChange} />}
    </Drawer>
  );
}

function Fields({ widget, onChange }: { widget: Widget; onChange: (widget: Widget) => void }) {
  const { kind } = widget;
  const scaled = kind === "gauge" || kind === "bar";
  return (
    <Form layout="vertical" component="div">
      <Labelled name="dashboards.field.kind">
        <Select<Kind>
          value={kind}
          options={KINDS.map((value) => ({ value, label: t(`dashboards.kind.${value}`) }))}
          onChange={(chosen) => onChange(asKind(widget, chosen))}
          aria-label={t("dashboards.field.kind")}
        />
      </Labelled>
      <Labelled name="dashboards.field.title">
        <Input
          value={widget.title ?? ""}
          maxLength={120}
          aria-label={t("dashboards.field.title")}
          placeholder={MOST_TAGS[kind] === 1 ? t("dashboards.field.title_auto") : t(`dashboards.kind.${kind}`)}
          onChange={(event) => onChange(withField(widget, "title", event.target.value))}
        />
      </Labelled>
      {MOST_TAGS[kind] > 0 && (
        <Labelled name="dashboards.field.tags">
          <Picker
            tags={widget.tags ?? []}
            most={Math.max(2, MOST_TAGS[kind])}
            onChange={(tags) => {
              // Where there is room for one, another one takes its place.
              const kept = tags.slice(-MOST_TAGS[kind]);
              onChange(withField(widget, "tags", kept.length ? kept : undefined));
            }}
          />
        </Labelled>
      )}
      {kind === "trend" && (
        <Labelled name="dashboards.field.seconds">
          <Choice
            label={t("dashboards.field.seconds")}
            value={String(widget.seconds ?? TREND_SECONDS)}
            options={SPANS.map((seconds) => ({ value: String(seconds), label: t(`dashboards.span_${seconds}`) }))}
            onChange={(seconds) => onChange(withField(widget, "seconds", Number(seconds)))}
          />
        </Labelled>
      )}
      {scaled && (
        <div className="field-pair">
          <Numeric
            name="dashboards.field.scale_low"
            value={widget.low}
            onChange={(low) => onChange(withField(widget, "low", low))}
          />
          <Numeric
            name="dashboards.field.scale_high"
            value={widget.high}
            onChange={(high) => onChange(withField(widget, "high", high))}
          />
        </div>
      )}
      {kind !== "trend" && kind !== "flow" && <LimitFields widget={widget} onChange={onChange} />}
      {kind === "flow" && (
        <Suspense fallback={null}>
          <FlowEditor widget={widget} onChange={onChange} />
        </Suspense>
      )}
    </Form>
  );
}

function LimitFields({ widget, onChange }: { widget: Widget; onChange: (widget: Widget) => void }) {
  function set(key: keyof Limits, value: number | undefined): void {
    const { [key]: _, ...rest } = widget.limits ?? {};
    const limits = value === undefined ? rest : { ...rest, [key]: value };
    onChange(withField(widget, "limits", Object.keys(limits).length ? limits : undefined));
  }
  return (
    <fieldset className="limit-fields">
      <legend>{t("dashboards.field.limits")}</legend>
      {LIMITS.map((key) => (
        <Numeric
          key={key}
          name={`dashboards.field.${key}`}
          value={widget.limits?.[key]}
          onChange={(value) => set(key, value)}
        />
      ))}
    </fieldset>
  );
}

function Numeric({
  name,
  value,
  onChange,
}: {
  name: string;
  value: number | undefined;
  onChange: (value: number | undefined) => void;
}) {
  return (
    <Labelled name={name}>
      <InputNumber
        value={value ?? null}
        aria-label={t(name)}
        onChange={(given) => onChange(typeof given === "number" ? given : undefined)}
      />
    </Labelled>
  );
}

// texts: dashboards.field.* dashboards.kind.*
function Labelled({ name, children }: { name: string; children: ReactNode }) {
  return <Form.Item label={t(name)}>{children}</Form.Item>;
}
