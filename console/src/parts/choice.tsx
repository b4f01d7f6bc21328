/** One of a few things, each a press away: radio buttons that look like one control. */

import { useId } from "react";

interface ChoiceProps<Key extends string> {
  label: string;
  value: Key | undefined;
  options: readonly { value: Key; label: string }[];
  onChange: (value: Key) => void;
}

export function Choice<Key extends string>({ label, value, options, onChange }: ChoiceProps<Key>) {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
