/** A new device, step by step; every step has its address. */

import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Steps } from "antd";
import { useCallback, useEffect, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import { useMay } from "~/app/session";
import { Nothing, PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import "../devices.css";
import { CheckStep } from "./check";
import { ConnectStep } from "./connect";
import { type Draft, EMPTY, forgetDraft, keepDraft, loadDraft } from "./draft";
import { MapStep } from "./map";
import { PointsStep } from "./points";

export type Driver = Schemas["DriverView"];

export interface StepProps {
  draft: Draft;
  driver: Driver | undefined;
  drivers: Driver[];
  change: (changed: Partial<Draft> | ((before: Draft) => Partial<Draft>)) => void;
  go: (step: Step) => void;
}

const STEPS = ["connect", "points", "map", "check"] as const;
export type Step = (typeof STEPS)[number];
const CONTENT = { connect: ConnectStep, points: PointsStep, map: MapStep, check: CheckStep };
const KEEP_MS = 400;

export default function AddDevice() {
  const may = useMay();
  const [params, setParams] = useSearchParams();
  const [draft, setDraft] = useState<Draft>(() => begun(params));
  const drivers = useQuery({
    queryKey: ["drivers"],
    queryFn: () => take(api.GET("/api/v1/edge/drivers")),
    staleTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => {
    const keep = () => keepDraft(draft);
    const timer = setTimeout(keep, KEEP_MS);
    window.addEventListener("pagehide", keep);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pagehide", keep);
    };
  }, [draft]);
  const change = useCallback<StepProps["change"]>(
    (changed) => setDraft((before) => ({ ...before, ...(typeof changed === "function" ? changed(before) : changed) })),
    [],
  );
  const wanted = STEPS.find((step) => step === params.get("step")) ?? "connect";
  // Who follows a link into the middle has to say first which device it is.
  const step = draft.name && draft.path && draft.endpoint && (draft.driver || draft.profile) ? wanted : "connect";
  const go = useCallback(
    (to: Step) => {
      setParams({ step: to });
      document.querySelector(".page")?.scrollTo({ top: 0 });
    },
    [setParams],
  );
  const Content = CONTENT[step];
  return (
    <div className="page full">
      <Link to="/devices" className="back">
        <ArrowLeftOutlined /> {t("devices.title")}
      </Link>
      <PageHead title={t("add.title")} sub={draft.name ? `${draft.name} · ${draft.endpoint}` : t("add.sub")}>
        <Button
          onClick={() => {
            forgetDraft();
            setDraft(EMPTY);
            setParams({});
          }}
        >
          {t("add.anew")}
        </Button>
      </PageHead>
      <Panel>
        <Steps
          size="small"
          responsive
          current={STEPS.indexOf(step)}
          onChange={(index) => go(STEPS[index] ?? "connect")}
          items={STEPS.map((each) => ({ title: t(`add_step.${each}`) }))}
        />
      </Panel>
      {!may("edge:configure") ? (
        <Nothing title={t("add.may_not")}>
          <p>{t("add.may_not_hint")}</p>
        </Nothing>
      ) : drivers.error && !drivers.data ? (
        <ProblemBox problem={drivers.error as unknown as Problem} onRetry={() => void drivers.refetch()} />
      ) : (
        <Content
          draft={draft}
          driver={drivers.data?.items.find((each) => each.name === draft.driver)}
          drivers={drivers.data?.items ?? []}
          change={change}
          go={go}
        />
      )}
    </div>
  );
}

/** What was being described before, with what the address says on top: such a link can be sent to somebody. */
function begun(params: URLSearchParams): Draft {
  const said = ["driver", "endpoint", "name", "path", "gateway", "profile"] as const;
  const given = said.flatMap((field) => (params.get(field) ? [[field, params.get(field)] as const] : []));
  return { ...(given.length ? EMPTY : loadDraft()), ...Object.fromEntries(given) };
}
