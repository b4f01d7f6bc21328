/** The record of an identifier: each value with what it says, how long it holds, who sees and changes it, and its proof. */

import { Typography } from "antd";
import type { Schemas } from "~/api/client";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { t } from "~/texts";
import { ValueData } from "./value";

type Resolved = Schemas["ResolvedView"];
type Value = Schemas["ValueView"];

const TONES: Record<Value["proved"], string> = {
  proved: "good",
  registered: "good",
  changed: "bad",
  unproved: "",
  signature: "",
};

export function Record({ resolved }: { resolved: Resolved }) {
  const answer = resolved.answer;
  if (!answer) return null;
  const withheld = [...new Set(resolved.signatures.flatMap((each) => each.withheld))].sort((one, two) => one - two);
  return (
    <Panel
      title={
        <Typography.Text copyable className="mono record-handle">
          {resolved.handle}
        </Typography.Text>
      }
      extra={
        <span className="chips">
          <span className={answer.authoritative ? "chip good" : "chip"}>
            {t(answer.authoritative ? "record.authoritative" : "record.cached")}
          </span>
          {answer.signed && <span className="chip good">{t("record.signed")}</span>}
          {answer.stale && <span className="chip warn">{t("record.stale")}</span>}
        </span>
      }
    >
      {answer.aliases.length > 0 && (
        <p className="notice">{t("record.alias", { from: answer.aliases.join(" → "), to: resolved.handle })}</p>
      )}
      <ul className="values" aria-label={t("record.values")}>
        {[...resolved.values]
          .sort((one, other) => one.index - other.index)
          .map((value) => (
            <li key={`${value.index} ${value.type}`}>
              <OneValue value={value} />
            </li>
          ))}
      </ul>
      <p className="quiet flat">
        {withheld.length > 0 ? t("record.withheld", { indexes: withheld.join(", ") }) : t("record.withheld_unknown")}
      </p>
    </Panel>
  );
}

// texts: proved.*
function OneValue({ value }: { value: Value }) {
  return (
    <>
      <div className="value-head">
        <span className="value-index">{value.index}</span>
        <b className="mono">{value.type}</b>
        <span className={`chip ${TONES[value.proved]}`}>{t(`proved.${value.proved}`)}</span>
      </div>
      <ValueData value={value} />
      <div className="value-foot quiet">
        <span>{t("record.changed", { time: format.dateTime(value.changed) })}</span>
        <span>{keeping(value)}</span>
        <span>{reading(value)}</span>
        <span>{writing(value)}</span>
      </div>
    </>
  );
}

/** How long a value may be kept without asking again. */
function keeping(value: Value): string {
  if (value.ttl_until) return t("record.ttl_until", { time: format.dateTime(value.ttl_until) });
  return value.ttl ? t("record.ttl", { time: format.age(value.ttl) }) : t("record.not_kept");
}

/** Who may see a value, in words. */
function reading(value: Value): string {
  if (value.public_read) return t("may.read_all");
  return t(value.admin_read ? "may.read_admin" : "may.read_none");
}

/** Who may change it. */
function writing(value: Value): string {
  if (value.public_write) return t("may.write_all");
  return t(value.admin_write ? "may.write_admin" : "may.write_none");
}
