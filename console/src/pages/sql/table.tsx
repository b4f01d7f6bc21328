/** An answer as a table; its columns are sorted here, the rows are all there already. */

import { useMemo } from "react";
import * as format from "~/parts/format";
import { type Column, Grid, type Sort } from "~/parts/grid";
import { Nothing } from "~/parts/page";
import { t } from "~/texts";
import { type Cell, isNumber, isTime, type Result, sortedBy, timeOf } from "./result";

function shown(cell: Cell | undefined, type: string): string {
  if (cell === null || cell === undefined) return "";
  if (isTime(type)) return type.startsWith("timestamp") ? moment(String(cell)) : String(cell);
  if (typeof cell === "number") return format.number(cell, 7);
  if (typeof cell === "boolean") return t(cell ? "value.true" : "value.false");
  return typeof cell === "object" ? JSON.stringify(cell) : cell;
}

/** A time with its milliseconds, where it has some. */
function moment(text: string): string {
  const time = timeOf(text);
  if (Number.isNaN(time)) return text;
  const ms = time % 1000;
  return format.dateTime(time) + (ms ? `.${String(ms).padStart(3, "0")}` : "");
}

interface ResultTableProps {
  result: Result;
  sort: Sort | undefined;
  onSort: (sort: Sort) => void;
}

export function ResultTable({ result, sort, onSort }: ResultTableProps) {
  const rows = useMemo(() => {
    const place = result.columns.findIndex((column) => column.name === sort?.key);
    return place < 0 ? result.rows : sortedBy(result.rows, place, sort?.descending ?? false);
  }, [result, sort]);
  const columns = useMemo(
    () =>
      result.columns.map(({ name, type }, place): Column<Cell[]> => ({
        key: name,
        title: <span title={type}>{name}</span>,
        width: isNumber(type) || type === "bool" ? "minmax(110px, 1fr)" : "minmax(190px, 2fr)",
        number: isNumber(type),
        sortable: true,
        render: (row) => {
          const text = shown(row[place], type);
          return <span title={text}>{text || <span className="quiet">—</span>}</span>;
        },
      })),
    [result.columns],
  );
  const indexes = useMemo(() => new Map(rows.map((row, index) => [row, index])), [rows]);
  return (
    <Grid
      label={t("sql.result")}
      columns={columns}
      rows={rows}
      rowKey={(row) => String(indexes.get(row))}
      rowHeight={32}
      sort={sort}
      onSort={onSort}
      empty={
        <Nothing title={t("sql.no_rows")}>
          <p>{t("sql.no_rows_hint")}</p>
        </Nothing>
      }
    />
  );
}
