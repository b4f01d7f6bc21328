/** One identifier: pasted, scanned or from the address; what it is here, and what it leads to anywhere. */

import { ScanOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button, Input, Skeleton } from "antd";
import { type ClipboardEvent, type DragEvent, lazy, Suspense, useState } from "react";
import { useSearchParams } from "react-router";
import { api, type Problem, take } from "~/api/client";
import { Nothing, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { readImage } from "./decode";
import { isPath } from "./kinds";
import { OwnThing, useOwn } from "./own";
import { Record } from "./record";
import { Way } from "./way";

const Scanner = lazy(() => import("./scanner"));

/** What the servers of a number space say; nobody is asked about what is a path of ours. */
function useResolved(identifier: string) {
  return useQuery({
    queryKey: ["resolved", identifier],
    queryFn: () => take(api.POST("/api/v1/resolution/resolve", { body: { identifier } })),
    enabled: identifier !== "" && !isPath(identifier),
    retry: false,
    staleTime: 30_000,
  });
}

function imageIn(items: DataTransfer): File | undefined {
  return [...items.files].find((file) => file.type.startsWith("image/"));
}

export function Resolve() {
  const [params, setParams] = useSearchParams();
  const { message } = App.useApp();
  const identifier = (params.get("id") ?? "").trim();
  const [text, setText] = useState(identifier);
  const [shown, setShown] = useState(identifier);
  const [scanning, setScanning] = useState(false);
  if (shown !== identifier) {
    // Somebody followed a link, or went back: the field says what is shown.
    setShown(identifier);
    setText(identifier);
  }
  const own = useOwn(identifier);
  const resolved = useResolved(identifier);

  function look(given: string): void {
    setScanning(false);
    setText(given.trim());
    setParams(given.trim() ? { id: given.trim() } : {});
  }

  async function lookAt(image: File): Promise<void> {
    const found = await readImage(image).catch(() => undefined);
    if (found === undefined) message.warning(t("scan.nothing"));
    else look(found);
  }

  function dropped(event: DragEvent | ClipboardEvent, items: DataTransfer): void {
    const image = imageIn(items);
    if (!image) return;
    event.preventDefault();
    void lookAt(image);
  }

  const found = own.data?.tag ?? own.data?.device;
  const answer = resolved.data;
  return (
    <div
      className="columns"
      onDragOver={(event) => event.dataTransfer.types.includes("Files") && event.preventDefault()}
      onDrop={(event) => dropped(event, event.dataTransfer)}
      onPaste={(event) => dropped(event, event.clipboardData)}
    >
      <Panel>
        <div className="resolve-bar">
          <Input.Search
            value={text}
            size="large"
            enterButton={t("identifiers.resolve")}
            placeholder={t("identifiers.placeholder")}
            aria-label={t("identifiers.placeholder")}
            spellCheck={false}
            autoCapitalize="off"
            loading={resolved.isFetching}
            onChange={(event) => setText(event.target.value)}
            onSearch={look}
          />
          <Button size="large" icon={<ScanOutlined />} onClick={() => setScanning(true)}>
            {t("scan.button")}
          </Button>
        </div>
        <p className="quiet resolve-hint">{t("identifiers.hint")}</p>
      </Panel>
      {scanning && (
        <Suspense fallback={null}>
          <Scanner onFound={look} onClose={() => setScanning(false)} />
        </Suspense>
      )}
      {own.error && <ProblemBox problem={own.error as unknown as Problem} />}
      {found && own.data && <OwnThing tag={own.data.tag} device={own.data.device} />}
      {resolved.isFetching && !answer && (
        <Panel title={t("identifiers.asking")}>
          <Skeleton active title={false} paragraph={{ rows: 3 }} />
        </Panel>
      )}
      {resolved.error && !resolved.isFetching && (found ? <NotElsewhere /> : <Refused problem={resolved.error} />)}
      {answer?.problem && (found ? <NotElsewhere /> : <Refused problem={answer.problem} />)}
      {identifier !== "" && isPath(identifier) && own.data && !found && (
        <Panel>
          <Nothing title={t("identifiers.unknown", { identifier })}>
            <p>{t("identifiers.unknown_hint")}</p>
          </Nothing>
        </Panel>
      )}
      {answer?.answer && <Record resolved={answer} />}
      {answer && answer.hops.length > 0 && <Way resolved={answer} />}
    </div>
  );
}

/** A thing of this installation that no node serves: said, but no fault. */
function NotElsewhere() {
  return <p className="notice">{t("identifiers.only_here")}</p>;
}

function Refused({ problem }: { problem: Pick<Problem, "code" | "title" | "hint"> | Error }) {
  return <ProblemBox problem={problem as Problem} />;
}
