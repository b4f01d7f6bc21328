/** A table of any number of rows: only those in view are there. Sorting and searching are its owner's. */

import { CaretDownFilled, CaretUpFilled } from "@ant-design/icons";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import { t } from "~/texts";

export interface Column<Row> {
  key: string;
  title: ReactNode;
  /** A CSS grid track, such as `minmax(120px, 2fr)`. */
  width: string;
  number?: boolean;
  sortable?: boolean;
  render: (row: Row, index: number) => ReactNode;
}

export interface Sort {
  key: string;
  descending: boolean;
}

interface GridProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** How many there are in all, loaded or not. */
  total?: number;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** The rows from and to are in view. */
  onView?: (from: number, to: number) => void;
  onOpen?: (row: Row) => void;
  empty?: ReactNode;
  rowHeight?: number;
  /** Another question: the answer is shown from its beginning. */
  question?: string;
}

const AHEAD = 6;

/** Sum of the least widths of all columns; narrower than this, the table scrolls sideways. */
function narrowest<Row>(columns: Column<Row>[]): number {
  return columns.reduce((sum, column) => sum + Number(/(\d+)px/.exec(column.width)?.[1] ?? 0), 0);
}

export function Grid<Row>({
  label,
  columns,
  rows,
  rowKey,
  total,
  sort,
  onSort,
  onView,
  onOpen,
  empty,
  rowHeight = 40,
  question = "",
}: GridProps<Row>) {
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: AHEAD,
  });
  useEffect(() => {
    scroll.current?.scrollTo({ top: 0 });
  }, [question]);
  const items = virtual.getVirtualItems();
  const from = items[0]?.index ?? 0;
  const to = items.at(-1)?.index ?? -1;
  useEffect(() => onView?.(from, to), [onView, from, to]);
  const tracks = { gridTemplateColumns: columns.map((column) => column.width).join(" "), minWidth: narrowest(columns) };
  return (
    <div className="grid-table">
      <div
        className="grid-scroll"
        ref={scroll}
        role="table"
        aria-label={label}
        aria-rowcount={(total ?? rows.length) + 1}
        tabIndex={0}
      >
        <div className="grid-head" role="row" aria-rowindex={1} style={tracks}>
          {columns.map((column) => (
            <Heading key={column.key} column={column} sort={sort} onSort={onSort} />
          ))}
        </div>
        <div
          role="rowgroup"
          style={{ height: virtual.getTotalSize(), position: "relative", minWidth: narrowest(columns) }}
        >
          {items.map((item) => {
            const row = rows[item.index] as Row;
            return (
              <div
                key={rowKey(row)}
                role="row"
                tabIndex={-1}
                aria-rowindex={item.index + 2}
                className={onOpen ? "grid-row link-row" : "grid-row"}
                style={{
                  ...tracks,
                  top: 0,
                  transform: `translateY(${item.start}px)`,
                  height: rowHeight,
                  cursor: onOpen ? "pointer" : undefined,
                }}
                onClick={
                  onOpen && ((event) => !(event.target as Element).closest("a, button, input, label") && onOpen(row))
                }
              >
                {columns.map((column) => (
                  <div key={column.key} role="cell" className={column.number ? "number" : undefined}>
                    {column.render(row, item.index)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {rows.length === 0 && empty && <div className="grid-empty">{empty}</div>}
    </div>
  );
}

function Heading<Row>({ column, sort, onSort }: { column: Column<Row>; sort?: Sort; onSort?: (sort: Sort) => void }) {
  const mine = sort?.key === column.key;
  const state = mine ? (sort.descending ? "descending" : "ascending") : "none";
  return (
    <div
      role="columnheader"
      aria-sort={column.sortable ? state : undefined}
      className={column.number ? "number" : undefined}
    >
      {column.sortable && onSort ? (
        <button
          type="button"
          title={t("grid.sort")}
          onClick={() => onSort({ key: column.key, descending: mine ? !sort.descending : false })}
        >
          {column.title} {mine && (sort.descending ? <CaretDownFilled /> : <CaretUpFilled />)}
        </button>
      ) : (
        column.title
      )}
    </div>
  );
}
