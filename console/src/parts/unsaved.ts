/** Leaving with changes that were not saved asks first. */

import { App } from "antd";
import { useEffect } from "react";
import { type Location, useBlocker } from "react-router";
import { t } from "~/texts";

const otherPage = (from: Location, to: Location) => from.pathname !== to.pathname;

/** `leaves` says which ways lead away from what is being changed. */
export function useUnsaved(dirty: boolean, leaves: (from: Location, to: Location) => boolean = otherPage): void {
  const { modal } = App.useApp();
  const blocker = useBlocker(({ currentLocation, nextLocation }) => dirty && leaves(currentLocation, nextLocation));
  useEffect(() => {
    if (blocker.state !== "blocked") return;
    modal.confirm({
      title: t("unsaved.title"),
      content: t("unsaved.text"),
      okText: t("unsaved.leave"),
      cancelText: t("unsaved.stay"),
      onOk: () => blocker.proceed(),
      onCancel: () => blocker.reset(),
    });
  }, [blocker, modal]);
  useEffect(() => {
    if (!dirty) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [dirty]);
}
