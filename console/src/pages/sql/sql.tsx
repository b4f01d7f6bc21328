/** SQL over stored samples: a statement, the tags and the time it is about, its answer as a table and as a chart. */

import { CaretRightOutlined, DownloadOutlined, HistoryOutlined, StopOutlined } from "@ant-design/icons";
import { App, Button, Dropdown, Input } from "antd";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { Problem } from "~/api/client";
import { useSession } from "~/app/session";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { type Asked, askedOf, keep, paramsOf, recall, remembered } from "./asked";
import { Columns } from "./columns";
import { plotOf, type Result } from "./result";
import { download, type Run, useRun } from "./run";
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
    setParams(after, { replace: true });
    recent.add(asked);
    void start(asked);
  }

  // An address that carries a whole question is answered at once: that is what it was sent for.
  const opened = useRef(false);
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    if (params.get("sql") && draft.tags.length) void start(draft);
  }, [params, draft, start]);

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
      <Question draft={draft} running={run.running} onDraft={setDraft} onAsk={ask} onCancel={cancel} />
      <Answer
        run={run}
        shown={shown}
        onShow={show}
        tags={draft.tags.length}
        onAll={() => ask({ ...draft, tags: ["*"] })}
      />
    </div>
  );
}

interface QuestionProps {
  draft: Asked;
  running: boolean;
  onDraft: (draft: Asked) => void;
  onAsk: (asked: Asked) => void;
  onCancel: () => void;
}

function Question({ draft, running, onDraft, onAsk, onCancel }: QuestionProps) {
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
          <small className="quiet">{t(draft.tags.length === 0 ? "sql.no_tags" : "sql.keys")}</small>
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
  shown: Shown;
  onShow: (shown: Shown) => void;
  tags: number;
  onAll: () => void;
}

function Answer({ run, shown, onShow, tags, onAll }: AnswerProps) {
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
        {result && asked && !run.running && <Export asked={asked} />}
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
          <ResultTable result={result} />
        )
      ) : (
        <Nothing title={t(run.cancelled ? "sql.cancelled" : "sql.none")}>
          <p>{t(tags === 0 ? "sql.none_tags" : "sql.none_hint")}</p>
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

function saying(run: Run): string {
  if (run.running) return t("sql.running");
  if (run.cancelled) return t("sql.cancelled");
  if (!run.result) return "";
  return t("sql.answered", { rows: format.count(run.result.rows.length), time: format.age(run.seconds ?? 0) });
}

function Export({ asked }: { asked: Asked }) {
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);

  async function fetchAs(kind: "csv" | "parquet"): Promise<void> {
    setBusy(true);
    try {
      await download(asked, kind);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      message.error(problem.message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: [
          { key: "csv", label: t("sql.export_csv") },
          { key: "parquet", label: t("sql.export_parquet") },
        ],
        onClick: ({ key }) => void fetchAs(key as "csv" | "parquet"),
      }}
    >
      <Button icon={<DownloadOutlined />} loading={busy}>
        {t("sql.export")}
      </Button>
    </Dropdown>
  );
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
