/** The dashboard as its text, and what is wrong with it, each at its field. */

import { useRef } from "react";
import type { Problem } from "~/api/client";
import { Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { locate } from "./locate";

interface Fault {
  field: string;
  rule: string;
  fault: string;
}

interface DocumentProps {
  text: string;
  problem: Problem | undefined;
  readOnly: boolean;
  onText: (text: string) => void;
}

function faultsOf(problem: Problem | undefined): Fault[] {
  const faults = problem?.code === "web.dashboard_invalid" ? problem.facts.faults : undefined;
  return Array.isArray(faults) ? (faults as Fault[]) : [];
}

// texts: dashboards.fault.*
export function Document({ text, problem, readOnly, onText }: DocumentProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const faults = faultsOf(problem);

  function show(field: string): void {
    const found = locate(text, field);
    if (!area.current || !found) return;
    area.current.focus();
    area.current.setSelectionRange(found.from, found.to);
    // A browser scrolls to a selection only when something is typed: the line's height says where it is.
    const lines = text.slice(0, found.from).split("\n").length;
    const height = area.current.scrollHeight / Math.max(1, text.split("\n").length);
    area.current.scrollTop = Math.max(0, (lines - 4) * height);
  }

  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      {faults.length > 0 && (
        <Panel title={t("dashboards.faults", { count: faults.length })}>
          <ul className="board-faults">
            {faults.map((fault) => (
              <li key={`${fault.field} ${fault.rule}`}>
                <button type="button" onClick={() => show(fault.field)} title={t("dashboards.fault_show")}>
                  <code>{fault.field || t("dashboards.fault_whole")}</code> {t(`dashboards.fault.${fault.fault}`)}{" "}
                  <small className="quiet">{fault.rule}</small>
                </button>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <textarea
        ref={area}
        className="board-text mono"
        value={text}
        readOnly={readOnly}
        spellCheck={false}
        aria-label={t("dashboards.document")}
        aria-invalid={faults.length > 0}
        onChange={(event) => onText(event.target.value)}
      />
    </>
  );
}
