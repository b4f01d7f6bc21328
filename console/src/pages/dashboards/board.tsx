/** One dashboard: looked at, changed, as text, and its versions; which of these stands in the address. */

import { LeftOutlined, LinkOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Dropdown } from "antd";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { Problem } from "~/api/client";
import { usePaths } from "~/live";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { Nothing, PageHead } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { useTags } from "~/parts/trend/data";
import { useUnsaved } from "~/parts/unsaved";
import { t } from "~/texts";
import { Canvas } from "./canvas";
import { type DashboardView, remove, save, useDashboard, useForget, useKeep } from "./data";
import { Document } from "./document";
import { useDraft } from "./draft";
import { Facts } from "./facts";
import { type Board, KINDS, newWidget, tagsOf, type Widget } from "./model";
import { Save } from "./save";
import { Settings } from "./settings";
import { Versions } from "./versions";
import { NamedTags } from "./widgets/tags";
import "./board.css";

const Editor = lazy(() => import("./editor"));

type Mode = "view" | "edit" | "text" | "versions";
const MODES: readonly Mode[] = ["view", "edit", "text", "versions"];

export default function BoardPage() {
  const name = useParams().name ?? "";
  const found = useDashboard(name);
  const problem = found.error ? (
    <ProblemBox problem={found.error as unknown as Problem} onRetry={() => void found.refetch()} />
  ) : null;
  if (found.data)
    return (
      <Opened key={name} view={found.data} onReload={() => void found.refetch()}>
        {problem}
      </Opened>
    );
  return (
    <div className="page">
      {problem && <Back />}
      {problem}
    </div>
  );
}

function Back() {
  return (
    <Link className="back" to="/dashboards">
      <LeftOutlined /> {t("dashboards.title")}
    </Link>
  );
}

interface OpenedProps {
  view: DashboardView;
  onReload: () => void;
  /** What is to be said above it. */
  children: ReactNode;
}

function Opened({ view, onReload, children }: OpenedProps) {
  const [params, setParams] = useSearchParams();
  const { message, modal } = App.useApp();
  const keep = useKeep();
  const draft = useDraft(view);
  const [chosen, choose] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const asked = MODES.find((each) => each === params.get("mode")) ?? "view";
  const mode: Mode = asked === "edit" && !view.may_edit ? "view" : asked;
  const { board } = draft;
  const widgets = board.widgets ?? [];
  const overtaken = draft.overtaken || problem?.status === 412;
  useUnsaved(draft.dirty);

  const go = (to: Mode) => {
    choose(undefined);
    setParams(to === "view" ? {} : { mode: to }, { replace: true });
  };
  const setWidgets = (after: Widget[]) => draft.setBoard({ ...board, widgets: after });

  async function store(comment: string): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const after = await save(view.name, draft.base.etag, draft.text, comment);
      keep(after);
      draft.keep(draft.text, after);
      message.success(t("dashboards.saved_as", { version: after.version }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
      if (error.status === 412) onReload();
    } finally {
      setBusy(false);
    }
  }

  function discard(): void {
    modal.confirm({
      title: t("dashboards.discard_title"),
      content: t("dashboards.discard_text"),
      okText: t("dashboards.discard"),
      okButtonProps: { danger: true },
      cancelText: t("dashboards.cancel"),
      onOk: () => {
        draft.reset();
        setProblem(undefined);
        onReload();
      },
    });
  }

  return (
    <div className={mode === "view" || mode === "edit" ? "page" : "page full"}>
      <Back />
      <PageHead title={board.title} sub={subOf(view, board)}>
        <Choice<Mode>
          label={t("dashboards.mode")}
          value={mode}
          onChange={go}
          options={MODES.filter((each) => each !== "edit" || view.may_edit).map((value) => ({
            value,
            label: t(`dashboards.mode_${value}`),
          }))}
        />
        {mode === "edit" && (
          <>
            <AddWidget
              widgets={widgets}
              onAdd={(widget) => {
                setWidgets([...widgets, widget]);
                choose(widget.id);
              }}
            />
            <Facts view={view} board={board} onChange={draft.setBoard} />
          </>
        )}
        {(mode === "edit" || mode === "text") && view.may_edit && (
          <>
            <Button disabled={!draft.dirty} onClick={discard}>
              {t("dashboards.discard")}
            </Button>
            <Save disabled={!draft.dirty || overtaken} busy={busy} onSave={(comment) => void store(comment)} />
          </>
        )}
        {mode === "view" && <Share view={view} />}
        {mode === "view" && view.may_edit && <Remove view={view} />}
      </PageHead>
      {children}
      {draft.dirty && mode === "view" && (
        <p className="notice warn" role="note">
          {t("dashboards.unsaved")}
        </p>
      )}
      {problem && !overtaken && mode !== "text" && <ProblemBox problem={problem} />}
      {overtaken && (
        <p className="notice warn" role="note">
          {t("dashboards.changed_meanwhile")} <Button onClick={discard}>{t("dashboards.load_newest")}</Button>
        </p>
      )}
      <Shown mode={mode}>
        {mode === "text" ? (
          <Document
            text={draft.text}
            problem={overtaken ? undefined : problem}
            readOnly={!view.may_edit}
            onText={draft.setText}
          />
        ) : mode === "versions" ? (
          <Versions view={view} />
        ) : draft.broken ? (
          <Nothing title={t("dashboards.broken")}>
            <Button onClick={() => go("text")}>{t("dashboards.mode_text")}</Button>
          </Nothing>
        ) : widgets.length === 0 ? (
          <Nothing title={t("dashboards.bare")}>
            {view.may_edit && <p>{t(mode === "edit" ? "dashboards.bare_edit" : "dashboards.bare_view")}</p>}
            {view.may_edit && mode === "view" && (
              <Button onClick={() => go("edit")}>{t("dashboards.mode_edit")}</Button>
            )}
          </Nothing>
        ) : (
          <WithTags widgets={widgets}>
            {mode === "edit" ? (
              <Suspense fallback={null}>
                <Editor widgets={widgets} onChange={setWidgets} onSettings={choose} />
              </Suspense>
            ) : (
              <Canvas widgets={widgets} />
            )}
            <Settings
              widget={mode === "edit" ? widgets.find((widget) => widget.id === chosen) : undefined}
              onChange={(after) => setWidgets(widgets.map((widget) => (widget.id === after.id ? after : widget)))}
              onClose={() => choose(undefined)}
            />
          </WithTags>
        )}
      </Shown>
    </div>
  );
}

// texts: dashboards.mode_*
function Shown({ mode, children }: { mode: Mode; children: React.ReactNode }) {
  return <div className={`board-shown ${mode}`}>{children}</div>;
}

function subOf(view: DashboardView, board: Board): string {
  const who = view.shared ? t("dashboards.project", { project: view.project }) : t("dashboards.only_me");
  const facts = t("dashboards.facts", {
    who,
    owner: view.owner,
    version: view.version,
    time: format.dateTime(view.changed),
  });
  return board.description ? `${board.description} · ${facts}` : facts;
}

/** Units and descriptions of all tags on the board. */
function WithTags({ widgets, children }: { widgets: readonly Widget[]; children: React.ReactNode }) {
  const paths = usePaths([...new Set(widgets.flatMap(tagsOf))].sort());
  const named = useTags(paths).data;
  const empty = useRef(new Map());
  return <NamedTags value={named ?? empty.current}>{children}</NamedTags>;
}

function AddWidget({ widgets, onAdd }: { widgets: readonly Widget[]; onAdd: (widget: Widget) => void }) {
  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: KINDS.map((key) => ({ key, label: t(`dashboards.kind.${key}`) })),
        onClick: ({ key }) => onAdd(newWidget(KINDS.find((kind) => kind === key) ?? "value", widgets)),
      }}
    >
      <Button icon={<PlusOutlined />}>{t("dashboards.add")}</Button>
    </Dropdown>
  );
}

function Share({ view }: { view: DashboardView }) {
  const { message } = App.useApp();
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(`${location.origin}/dashboards/${view.name}`);
      message.success(t(view.shared ? "dashboards.link_copied" : "dashboards.link_private"));
    } catch {
      message.warning(t("dashboards.link_failed")); // browsers give the clipboard to secure pages only
    }
  }
  return (
    <Button icon={<LinkOutlined />} onClick={() => void copy()}>
      {t("dashboards.link")}
    </Button>
  );
}

function Remove({ view }: { view: DashboardView }) {
  const { modal, message } = App.useApp();
  const navigate = useNavigate();
  const forget = useForget();
  function ask(): void {
    modal.confirm({
      title: t("dashboards.delete_title", { title: view.title }),
      content: t("dashboards.delete_text", { versions: view.version }),
      okText: t("dashboards.delete"),
      okButtonProps: { danger: true },
      cancelText: t("dashboards.cancel"),
      onOk: async () => {
        try {
          await remove(view.name);
          forget(view.name);
          await navigate("/dashboards");
        } catch (problem) {
          if (!(problem instanceof Problem)) throw problem;
          message.error(problem.message);
        }
      },
    });
  }
  return (
    <Button danger onClick={ask}>
      {t("dashboards.delete")}
    </Button>
  );
}
