/** The head of a page, panels, and what stands where there is nothing yet. */

import type { ReactNode } from "react";
import { t } from "~/texts";
import { recent } from "./format";

export function PageHead({ title, sub, children }: { title: ReactNode; sub?: ReactNode; children?: ReactNode }) {
  return (
    <div className="page-head">
      <div>
        <h1>{title}</h1>
        {sub && <p className="quiet">{sub}</p>}
      </div>
      <div className="page-actions">{children}</div>
    </div>
  );
}

interface PanelProps {
  title?: ReactNode;
  extra?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Panel({ title, extra, className = "", children }: PanelProps) {
  return (
    <section className={`panel ${className}`}>
      {(title || extra) && (
        <div className="panel-head">
          <h2>{title}</h2>
          <div>{extra}</div>
        </div>
      )}
      {children}
    </section>
  );
}

/** Nothing here: why, and the next step. */
export function Nothing({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <div className="nothing">
      <p>
        <b>{title}</b>
      </p>
      {children}
    </div>
  );
}

/** A figure with its name. */
export function Figure({
  name,
  value,
  unit,
  note,
  tone,
  since,
}: {
  name: ReactNode;
  value: ReactNode;
  unit?: ReactNode;
  note?: ReactNode;
  tone?: "good" | "warn" | "bad";
  /** Where it could not be asked for again: when it was so, in milliseconds. */
  since?: number;
}) {
  return (
    <div className={`figure ${since ? "old" : (tone ?? "")}`}>
      <span className="figure-name">{name}</span>
      <span className="figure-value">
        {value}
        {unit && <small> {unit}</small>}
      </span>
      {since && <span className="figure-note">{t("value.as_of", { time: recent(since) })}</span>}
      {note && <span className="figure-note">{note}</span>}
    </div>
  );
}
