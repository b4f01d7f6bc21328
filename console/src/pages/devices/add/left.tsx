/** What did not become a point, and why. */

import { Collapse } from "antd";
import * as format from "~/parts/format";
import { t } from "~/texts";

const SHOWN = 200;

export function LeftOut({ items, title }: { items: { name: string; reason: string }[]; title?: string }) {
  if (items.length === 0) return null;
  const label = title ?? t("add.left", { count: format.count(items.length) });
  const rows = items.slice(0, SHOWN).map(({ name, reason }, index) => (
    <tr key={`${index} ${name}`}>
      <td>{name}</td>
      <td className="quiet">{reason}</td>
    </tr>
  ));
  const table = (
    <div className="table-scroll left-out">
      <table className="plain-table">
        <tbody>{rows}</tbody>
      </table>
      {items.length > SHOWN && (
        <p className="quiet">{t("add.and_more", { count: format.count(items.length - SHOWN) })}</p>
      )}
    </div>
  );
  return <Collapse size="small" items={[{ key: "left", label, children: table }]} />;
}
