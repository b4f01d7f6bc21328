/** A list that the server gives page by page; the next one is fetched before its end is in view. */

import { type InfiniteData, type Query, useInfiniteQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import type { Problem } from "~/api/client";
import { t } from "~/texts";
import * as format from "./format";
import { type Column, Grid } from "./grid";
import { ProblemBox } from "./problem";

interface PagedProps<Row> {
  label: string;
  queryKey: readonly unknown[];
  fetch: (cursor: string | undefined) => Promise<{ items: Row[]; next?: string | null }>;
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  onOpen?: (row: Row) => void;
  empty?: ReactNode;
  refreshSeconds?: number;
}

const EARLY = 50;

/** Whether a list is short enough to be asked for again by itself: of a long one all pages would be. */
function short(query: Query<never, Error, InfiniteData<unknown>, readonly unknown[]>): boolean {
  return (query.state.data?.pages.length ?? 0) < 2;
}

export function Paged<Row>({
  label,
  queryKey,
  fetch,
  columns,
  rowKey,
  onOpen,
  empty,
  refreshSeconds,
}: PagedProps<Row>) {
  const list = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => fetch(pageParam || undefined),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => (refreshSeconds && short(query as never) ? refreshSeconds * 1000 : false),
    refetchOnWindowFocus: (query) => short(query as never),
  });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const [end, setEnd] = useState(0);
  const onView = useCallback((_: number, to: number) => setEnd(to), []);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && end > rows.length - EARLY) void fetchNextPage();
  }, [end, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const problem = list.error && (
    <ProblemBox problem={list.error as unknown as Problem} onRetry={() => void list.refetch()} />
  );
  if (!list.data && problem) return problem;
  const long = (list.data?.pages.length ?? 0) > 1;
  return (
    <>
      {problem}
      <Grid
        label={label}
        columns={columns}
        rows={rows}
        rowKey={rowKey}
        onView={onView}
        onOpen={onOpen}
        empty={!list.isPending && empty}
      />
      <div className="grid-foot">
        <span>{t(hasNextPage ? "grid.loaded_more" : "grid.loaded", { count: format.count(rows.length) })}</span>
        {refreshSeconds && long && (
          <>
            <span className="quiet">{t("value.as_of", { time: format.recent(list.dataUpdatedAt) })}</span>
            <Button size="small" loading={list.isRefetching} onClick={() => void list.refetch()}>
              {t("grid.refresh")}
            </Button>
          </>
        )}
      </div>
    </>
  );
}
