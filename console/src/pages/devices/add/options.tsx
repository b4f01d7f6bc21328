/** The options of a driver, each by its kind; what is left alone keeps its default. */

import { Form, Input, InputNumber, Select, Switch } from "antd";
import { useState } from "react";
import type { Schemas } from "~/api/client";
import { t } from "~/texts";

type Option = Schemas["DriverOption"];

interface OptionsProps {
  options: Option[];
  values: Record<string, unknown>;
  onChange: (name: string, value: unknown) => void;
}

export function Options({ options, values, onChange }: OptionsProps) {
  return (
    <div className="option-grid">
      {options.map((option) => (
        <Form.Item
          key={option.name}
          label={<code>{option.name}</code>}
          htmlFor={`option-${option.name}`}
          required={option.required}
        >
          <Field option={option} value={values[option.name]} onChange={(value) => onChange(option.name, value)} />
        </Form.Item>
      ))}
    </div>
  );
}

interface FieldProps {
  option: Option;
  value: unknown;
  onChange: (value: unknown) => void;
}

function Field({ option, value, onChange }: FieldProps) {
  const id = `option-${option.name}`;
  const usual = option.default === null || option.default === "" ? "" : String(option.default);
  switch (option.kind) {
    case "choice":
      return (
        <Select
          id={id}
          allowClear
          value={value as string | undefined}
          placeholder={usual}
          onChange={onChange}
          options={(option.choices ?? [])
            .filter((each) => each !== "")
            .map((each) => ({ value: each as string, label: String(each) }))}
        />
      );
    case "boolean":
      return <Switch id={id} checked={Boolean(value ?? option.default)} onChange={onChange} />;
    case "integer":
    case "number":
      return (
        <InputNumber
          id={id}
          value={value as number | undefined}
          placeholder={usual}
          precision={option.kind === "integer" ? 0 : undefined}
          min={option.minimum ?? undefined}
          max={option.maximum ?? undefined}
          onChange={onChange}
          className="fill"
        />
      );
    case "text":
      return (
        <Input
          id={id}
          value={(value as string | undefined) ?? ""}
          placeholder={usual}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    default:
      return <JsonField id={id} value={value} onChange={onChange} />;
  }
}

/** A list or an object, as text; what is not JSON is kept in the field and goes nowhere. */
function JsonField({ id, value, onChange }: { id: string; value: unknown; onChange: (value: unknown) => void }) {
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value));
  const [wrong, setWrong] = useState(false);
  return (
    <>
      <Input.TextArea
        id={id}
        rows={2}
        className="mono"
        value={text}
        status={wrong ? "error" : undefined}
        placeholder="JSON"
        onChange={(event) => {
          setText(event.target.value);
          const read = readJson(event.target.value);
          setWrong(read === BAD);
          if (read !== BAD) onChange(read);
        }}
      />
      {wrong && <small className="bad-text">{t("add.not_json")}</small>}
    </>
  );
}

const BAD = Symbol("no JSON");

function readJson(text: string): unknown {
  if (!text.trim()) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return BAD;
  }
}
