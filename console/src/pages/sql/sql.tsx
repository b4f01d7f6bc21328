/** SQL over stored samples: a statement, the tags and the time it is about, its answer as a table and as a chart. */

import { CaretRightOutlined, HistoryOutlined, StopOutlined } from "@ant-design/icons";
import { Button, Dropdown, Input } from "antd";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { useSession } from "~/app/session";
import { Choice } from "~/parts/choice";
import { Download, type File } from "~/parts/download";
import * as format from "~/parts/format";
import type { Sort } from "~/parts/grid";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { type Asked, askedOf, isKnown, keep, paramsOf, recall, remembered, sortOf, withSort } from "./asked";
import { Columns } from "./columns";
import { plotOf, type Result } from "./result";
import { fileOf, type Run, useRun } from "./run";
import { ResultTable } from "./table";
import { Tags } from "./tags";
import { EXAMPLES } from "./views";
import "./sql.css";

const PlotOf = lazy(async () => ({ default: (await import("./plot")).PlotOf }));

const TIMES = ["-15m", "-1h", "-8h", "-1d", "-7d", "-30d"] as const;
const FIRST = EXAMPLES[0]?.sql ?? "";
const SHORTEST_TITLE = 60;

type Shown = "table" | "chart";

export default function Sql() {
  const [params, setParams] = useSearchParams();
  const [draft, setDraft] = useState<Asked>(() => ({ ...askedOf(params), sql: params.get("sql") ?? FIRST }));
  const { run, start, cancel } = useRun();
  const recent = useRecent();
  const shown: Shown = params.get("view") === "chart" ? "chart" : "table";

  function ask(asked: Asked): void {
    if (!asked.sql.trim() || asked.tags.length === 0) return;
    setDraft(asked);
    const after = paramsOf(asked);
    if (shown === "chart") after.set("view", "chart");
    const sort = sortOf(params);
    const same = asked.sql === params.get("sql");
    setParams(sort && same ? withSort(after, sort) : after, { replace: true });
    recent.add(asked);
    void start(asked);
  }

  // An address that carries a whole question is answered at once where this person has run just that before. Anybody
  // may have sent any other: it is read first.
  const opened = useRef(false);
  const unread = isKnown([askedOf(params)], draft) && !isKnown(recent.list, draft);
  const sent = params.get("sql") !== null && !run.asked && unread;
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    if (params.get("sql") && draft.tags.length && isKnown(recent.list, draft)) void start(draft);
  }, [params, draft, recent.list, start]);

  function show(view: Shown): void {
    const after = new URLSearchParams(params);
    if (view === "chart") after.set("view", view);
    else after.delete("view");
    setParams(after, { replace: true });
  }

  return (
    <div className="page full">
      <PageHead title={t("sql.title")} sub={t("sql.help")}>
        <Dropdown
          trigger={["click"]}
          disabled={recent.list.length === 0}
          menu={{
            items: recent.list.map((asked, index) => ({ key: String(index), label: titleOf(asked.sql) })),
            onClick: ({ key }) => setDraft(recent.list[Number(key)] ?? draft),
          }}
        >
          <Button icon={<HistoryOutlined />}>{t("sql.recent")}</Button>
        </Dropdown>
        <Dropdown
          trigger={["click"]}
          menu={{
            items: EXAMPLES.map(({ key }) => ({ key, label: t(`sql.example.${key}`) })),
            onClick: ({ key }) => setDraft({ ...draft, sql: EXAMPLES.find((each) => each.key === key)?.sql ?? "" }),
          }}
        >
          <Button>{t("sql.examples")}</Button>
        </Dropdown>
      </PageHead>
      <Question draft={draft} sent={sent} running={run.running} onDraft={setDraft} onAsk={ask} onCancel={cancel} />
      <Answer
        run={run}
        sent={sent}
        shown={shown}
        onShow={show}
        sort={sortOf(params)}
        onSort={(sort) => setParams(withSort(params, sort), { replace: true })}
        tags={draft.tags.length}
        onAll={() => ask({ ...draft, tags: ["*"] })}
      />
    </div>
  );
}

interface QuestionProps {
  draft: Asked;
  /** It came by an address, and was not run yet. */
  sent: boolean;
  running: boolean;
  onDraft: (draft: Asked) => void;
  onAsk: (asked: Asked) => void;
  onCancel: () => void;
}

function Question({ draft, sent, running, onDraft, onAsk, onCancel }: QuestionProps) {
  const editor = useRef<HTMLTextAreaElement>(null);

  function put(text: string): void {
    const area = editor.current;
    if (!area) return;
    const { selectionStart: from, selectionEnd: to } = area;
    onDraft({ ...draft, sql: draft.sql.slice(0, from) + text + draft.sql.slice(to) });
    requestAnimationFrame(() => {
      area.focus();
      area.setSelectionRange(from + text.length, from + text.length);
    });
  }

  return (
    <div className="sql-question">
      <Panel className="sql-ask">
        <div className="sql-scope">
          <Tags tags={draft.tags} onChange={(tags) => onDraft({ ...draft, tags })} />
          <Choice
            label={t("sql.time")}
            value={draft.to === "now" ? TIMES.find((time) => time === draft.from) : undefined}
            options={TIMES.map((value) => ({ value, label: t(`sql.last_${value.slice(1)}`) }))}
            onChange={(from) => onDraft({ ...draft, from, to: "now" })}
          />
          <Input
            className="sql-time"
            value={draft.from}
            aria-label={t("sql.from")}
            title={t("sql.time_help")}
            prefix={<small className="quiet">{t("sql.from")}</small>}
            onChange={(event) => onDraft({ ...draft, from: event.target.value })}
          />
          <Input
            className="sql-time"
            value={draft.to}
            aria-label={t("sql.to")}
            title={t("sql.time_help")}
            prefix={<small className="quiet">{t("sql.to")}</small>}
            onChange={(event) => onDraft({ ...draft, to: event.target.value })}
          />
        </div>
        <textarea
          ref={editor}
          className="sql-editor mono"
          value={draft.sql}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          aria-label={t("sql.statement")}
          onChange={(event) => onDraft({ ...draft, sql: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              onAsk(draft);
            }
          }}
        />
        <div className="sql-run">
          {running ? (
            <Button danger icon={<StopOutlined />} onClick={onCancel}>
              {t("sql.cancel")}
            </Button>
          ) : (
            <Button
              type="primary"
              icon={<CaretRightOutlined />}
              disabled={draft.tags.length === 0 || !draft.sql.trim()}
              onClick={() => onAsk(draft)}
            >
              {t("sql.run")}
            </Button>
          )}
          <small className="quiet">{t(draft.tags.length === 0 ? "sql.no_tags" : sent ? "sql.sent" : "sql.keys")}</small>
        </div>
      </Panel>
      <Panel className="sql-side" title={t("sql.views")}>
        <Columns onPut={put} />
      </Panel>
    </div>
  );
}

interface AnswerProps {
  run: Run;
  sent: boolean;
  shown: Shown;
  onShow: (shown: Shown) => void;
  sort: Sort | undefined;
  onSort: (sort: Sort) => void;
  tags: number;
  onAll: () => void;
}

function Answer({ run, sent, shown, onShow, sort, onSort, tags, onAll }: AnswerProps) {
  const { result, problem, asked } = run;
  if (problem) return <ProblemBox problem={problem} />;
  return (
    <Panel className="flush grid-panel sql-answer">
      <div className="toolbar">
        <Choice<Shown>
          label={t("sql.shown")}
          value={shown}
          onChange={onShow}
          options={[
            { value: "table", label: t("sql.table") },
            { value: "chart", label: t("sql.chart") },
          ]}
        />
        <span role="status" className="quiet">
          {saying(run)}
        </span>
        <span className="grow" />
        {result && asked && !run.running && <Download files={filesOf(asked)} />}
      </div>
      {result?.truncated && (
        <p className="notice warn sql-note" role="note">
          {t("sql.cut", { count: format.count(result.rows.length) })}
        </p>
      )}
      {result ? (
        shown === "chart" ? (
          <Drawn result={result} />
        ) : (
          <ResultTable result={result} sort={sort} onSort={onSort} />
        )
      ) : (
        <Nothing title={t(run.cancelled ? "sql.cancelled" : "sql.none")}>
          <p>{t(tags === 0 ? "sql.none_tags" : sent ? "sql.sent_hint" : "sql.none_hint")}</p>
          {tags === 0 && !run.running && <Button onClick={onAll}>{t("sql.ask_all")}</Button>}
        </Nothing>
      )}
    </Panel>
  );
}

function Drawn({ result }: { result: Result }) {
  const plot = useMemo(() => plotOf(result), [result]);
  if (!plot)
    return (
      <Nothing title={t("sql.no_chart")}>
        <p>{t("sql.no_chart_hint")}</p>
      </Nothing>
    );
  return (
    <Suspense fallback={null}>
      <PlotOf plot={plot} />
    </Suspense>
  );
}

function filesOf(asked: Asked): File[] {
  return [fileOf(asked, "csv", t("sql.export_csv")), fileOf(asked, "parquet", t("sql.export_parquet"))];
}

function saying(run: Run): string {
  if (run.running) return t("sql.running");
  if (run.cancelled) return t("sql.cancelled");
  if (!run.result) return "";
  return t("sql.answered", { rows: format.count(run.result.rows.length), time: format.age(run.seconds ?? 0) });
}

/** The last statements of this person in this browser. */
function useRecent() {
  const person = useSession()?.id ?? "";
  const [list, setList] = useState(() => recall(person));
  return {
    list,
    add: (asked: Asked) => {
      const after = remembered(list, asked);
      setList(after);
      keep(person, after);
    },
  };
}

function titleOf(sql: string): string {
  const line = sql.replace(/\s+/g, " ").trim();
  return line.length > SHORTEST_TITLE ? `${line.slice(0, SHORTEST_TITLE)}…` : line;
}
