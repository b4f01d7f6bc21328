/** A text area with numbered lines; one of them may be marked as wrong. */

import { useEffect, useRef } from "react";
import { t } from "~/texts";

export interface Fault {
  line: number;
  column: number;
}

interface EditorProps {
  value: string;
  label: string;
  readOnly?: boolean;
  fault?: Fault;
  onChange: (text: string) => void;
}

export function Editor({ value, label, readOnly, fault, onChange }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const lines = value.split("\n").length;

  useEffect(() => {
    const element = area.current;
    if (!element || !fault) return;
    // Put the cursor where the text is wrong.
    const before = element.value.split("\n").slice(0, fault.line - 1);
    const at = before.reduce((sum, line) => sum + line.length + 1, 0) + fault.column - 1;
    element.focus();
    element.setSelectionRange(at, at);
    const height = element.scrollHeight / Math.max(1, element.value.split("\n").length);
    element.scrollTop = Math.max(0, (fault.line - 4) * height);
  }, [fault]);

  return (
    <div className="editor">
      <div className="editor-gutter" ref={gutter} aria-hidden>
        {Array.from({ length: lines }, (_, place) => (
          <div key={place} className={fault?.line === place + 1 ? "fault" : undefined}>
            {place + 1}
          </div>
        ))}
      </div>
      <textarea
        ref={area}
        value={value}
        readOnly={readOnly}
        spellCheck={false}
        wrap="off"
        aria-label={label}
        aria-invalid={fault !== undefined}
        title={readOnly ? t("policy.read_only") : undefined}
        onChange={(event) => onChange(event.target.value)}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
