/** The camera, until it sees a code; or an image from a file. */

import { InboxOutlined } from "@ant-design/icons";
import { Alert, Modal, Upload } from "antd";
import { useEffect, useRef, useState } from "react";
import { t } from "~/texts";
import { read, readImage } from "./decode";

const LOOK_MS = 200;
/** So many looks may fail in a row: a frame that is not whole is no reason to stop. */
const FAILURES = 5;

// texts: scan.camera_*
type Trouble = "denied" | "missing" | "insecure" | "busy" | "unread";

/** The camera is there, and what it sees cannot be read. */
class Unreadable extends Error {}

function troubleOf(error: unknown): Trouble {
  if (error instanceof Unreadable) return "unread";
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "denied";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "missing" : "busy";
}

interface ScannerProps {
  onFound: (text: string) => void;
  onClose: () => void;
}

export default function Scanner({ onFound, onClose }: ScannerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const found = useRef(onFound);
  found.current = onFound;
  const [trouble, setTrouble] = useState<Trouble>();
  const [unread, setUnread] = useState(false);

  useEffect(() => {
    const stop = new AbortController();
    void watch(video, stop.signal, (text) => found.current(text)).catch((error: unknown) => {
      if (!stop.signal.aborted) setTrouble(troubleOf(error));
    });
    if (!navigator.mediaDevices) setTrouble("insecure"); // browsers give cameras to safe addresses only
    return () => stop.abort();
  }, []);

  async function take(file: File): Promise<void> {
    const text = await readImage(file).catch(() => undefined);
    if (text === undefined) setUnread(true);
    else onFound(text);
  }

  return (
    <Modal open title={t("scan.title")} onCancel={onClose} footer={null} className="scanner">
      {trouble ? (
        <Alert type="warning" showIcon title={t(`scan.camera_${trouble}`)} description={t("scan.or_image")} />
      ) : (
        <>
          <video ref={video} muted playsInline aria-label={t("scan.video")} />
          <p className="quiet" role="status">
            {t("scan.hold")}
          </p>
        </>
      )}
      {unread && <Alert type="warning" showIcon title={t("scan.nothing")} />}
      <Upload.Dragger
        accept="image/*"
        showUploadList={false}
        beforeUpload={(file) => {
          setUnread(false);
          void take(file);
          return false; // nothing is sent anywhere
        }}
      >
        <InboxOutlined /> {t("scan.image")}
      </Upload.Dragger>
    </Modal>
  );
}

/** Look at what the camera sees, a few times a second, until there is a code in it or nobody wants one. */
async function watch(
  video: { current: HTMLVideoElement | null },
  stop: AbortSignal,
  found: (text: string) => void,
): Promise<void> {
  const stream = await navigator.mediaDevices?.getUserMedia({
    audio: false,
    video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
  });
  if (!stream) return;
  const end = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  if (stop.aborted) return end();
  stop.addEventListener("abort", end);
  const element = video.current;
  if (!element) return end();
  element.srcObject = stream;
  try {
    await element.play();
    const text = await look(element, stop);
    if (text && !stop.aborted) found(text);
  } finally {
    end(); // whatever happened, nobody is filmed any longer
  }
}

async function look(element: HTMLVideoElement, stop: AbortSignal): Promise<string | undefined> {
  let failures = 0;
  while (!stop.aborted) {
    try {
      const text = await read(element, element.videoWidth, element.videoHeight);
      if (text) return text;
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures >= FAILURES) throw new Unreadable("codes cannot be read", { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return undefined;
}
