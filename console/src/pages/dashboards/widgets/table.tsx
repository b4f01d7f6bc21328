/** Several values one below the other, with age and quality. */

import { Link } from "react-router";
import { useNow, useSample } from "~/live";
import { isOld, LiveAge, LiveQuality, LiveValue } from "~/parts/live";
import { numeric } from "~/parts/trend/series";
import { t } from "~/texts";
import { toneOf, type Widget } from "../model";
import { labelOf, useNamed } from "./tags";

export function TableWidget({ widget }: { widget: Widget }) {
  return (
    <div
      className="table-scroll board-table"
      tabIndex={0}
      role="group"
      aria-label={widget.title || t("dashboards.kind.table")}
    >
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("dashboards.tag")}</th>
            <th className="number">{t("dashboards.value")}</th>
            <th className="number">{t("dashboards.age")}</th>
            <th>{t("dashboards.quality")}</th>
          </tr>
        </thead>
        <tbody>
          {(widget.tags ?? []).map((path) => (
            <Row key={path} path={path} widget={widget} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ path, widget }: { path: string; widget: Widget }) {
  const tag = useNamed(path);
  const sample = useSample(path);
  const now = useNow();
  const tone = isOld(sample, now) ? "" : toneOf(numeric(sample?.value ?? null), widget.limits);
  return (
    <tr className={tone}>
      <td title={path}>
        <Link to={`/trends?tag=${encodeURIComponent(path)}`}>{labelOf(path, tag)}</Link>
      </td>
      <td className="number">
        <LiveValue path={path} unit={tag?.unit} />
      </td>
      <td className="number">
        <LiveAge path={path} />
      </td>
      <td>
        <LiveQuality path={path} />
      </td>
    </tr>
  );
}
