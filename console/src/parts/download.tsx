/** Taking a file away: fetched by the page itself, so that how far it is, a cancel, and a refusal have their place. */

import { CloseOutlined, DownloadOutlined } from "@ant-design/icons";
import { App, Button, Dropdown } from "antd";
import { useCallback, useEffect, useRef, useState } from "react";
import { Problem } from "~/api/client";
import { t } from "~/texts";
import * as format from "./format";

export interface File {
  key: string;
  label: string;
  name: string;
  /** Asks the server, with `parseAs: "stream"`. */
  ask: (signal: AbortSignal) => Promise<unknown>;
}

/** So often the number of bytes is told. */
const TELL_MS = 250;

/** All bytes of a stream; `told` hears how many have come. */
export async function gathered(
  stream: ReadableStream<Uint8Array>,
  told: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const reader = stream.getReader();
  let bytes = 0;
  let last = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    pieces.push(value as Uint8Array<ArrayBuffer>);
    bytes += value.byteLength;
    if (performance.now() - last < TELL_MS) continue;
    last = performance.now();
    told(bytes);
  }
}

function save(pieces: Uint8Array<ArrayBuffer>[], name: string): void {
  const address = URL.createObjectURL(new Blob(pieces));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

/** One file at a time; `bytes` are those that have come, undefined while nothing is fetched. */
function useDownload() {
  const { notification } = App.useApp();
  const [bytes, setBytes] = useState<number>();
  const ending = useRef<AbortController>(undefined);
  const cancel = useCallback(() => ending.current?.abort(), []);
  // Leaving the page frees the server of the work too.
  useEffect(() => cancel, [cancel]);

  async function start({ name, ask }: File): Promise<void> {
    const mine = new AbortController();
    ending.current = mine;
    setBytes(0);
    try {
      save(await gathered((await ask(mine.signal)) as ReadableStream<Uint8Array>, setBytes), name);
    } catch (error) {
      if (mine.signal.aborted) return;
      // A stream that ends too early is no refusal of the server: the connection was lost on the way.
      const problem = error instanceof Problem ? error : undefined;
      notification.error({
        title: problem?.title ?? t("download.broken"),
        description: problem?.hint ?? t("download.broken_hint"),
        duration: 0,
      });
    } finally {
      setBytes(undefined);
    }
  }

  return { bytes, start, cancel };
}

/** A button with the files there are; while one is fetched it says how much has come, and ends it. */
export function Download({ files, disabled }: { files: readonly File[]; disabled?: boolean }) {
  const { bytes, start, cancel } = useDownload();
  if (bytes !== undefined)
    return (
      <Button icon={<CloseOutlined />} onClick={cancel}>
        {t("download.cancel", { size: format.bytes(bytes) })}
      </Button>
    );
  return (
    <Dropdown
      trigger={["click"]}
      disabled={disabled}
      menu={{
        items: files.map(({ key, label }) => ({ key, label })),
        onClick: ({ key }) => {
          const file = files.find((each) => each.key === key);
          if (file) void start(file);
        },
      }}
    >
      <Button icon={<DownloadOutlined />}>{t("download.take")}</Button>
    </Dropdown>
  );
}
