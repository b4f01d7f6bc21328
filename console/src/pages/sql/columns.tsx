/** The views and their columns beside the editor; a press puts a name into the statement. */

import { t } from "~/texts";
import { VIEWS } from "./views";

// texts: sql.type.* sql.view.*
export function Columns({ onPut }: { onPut: (text: string) => void }) {
  return (
    <div className="sql-views">
      {VIEWS.map((view, index) => (
        <details key={view.name} open={index === 0}>
          <summary>
            <b className="mono">{view.name}</b> <small className="quiet">{t(`sql.view.${view.name}`)}</small>
          </summary>
          <ul>
            {view.columns.map((column) => (
              <li key={column.name}>
                <button type="button" onClick={() => onPut(column.name)} title={t("sql.put", { name: column.name })}>
                  <span className="mono">{column.name}</span> <small>{t(`sql.type.${column.type}`)}</small>
                </button>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </div>
  );
}
