/** Second step: where the points come from. */

import { Button } from "antd";
import { useSearchParams } from "react-router";
import { Choice } from "~/parts/choice";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { t } from "~/texts";
import type { StepProps } from "./add";
import { BrowseSource } from "./browse";
import { drafted } from "./draft";
import { FileSource } from "./file";
import { ProfileSource } from "./profile";

const SOURCES = ["browse", "file", "profile", "hand"] as const;
type Source = (typeof SOURCES)[number];

export function PointsStep(step: StepProps) {
  const { draft, driver, change, go } = step;
  const [params, setParams] = useSearchParams();
  const usual: Source = driver && !driver.browses ? "file" : "browse";
  const source = SOURCES.find((each) => each === params.get("source")) ?? usual;
  const choose = (chosen: Source) =>
    setParams(
      (before) => {
        before.set("source", chosen);
        return before;
      },
      { replace: true },
    );
  return (
    <Panel className="step">
      <div className="padded">
        <Choice<Source>
          label={t("add.source")}
          value={source}
          onChange={choose}
          options={SOURCES.map((each) => ({ value: each, label: t(`add_source.${each}`) }))}
        />
      </div>
      <div className="padded step-source">
        {source === "browse" && <BrowseSource {...step} />}
        {source === "file" && <FileSource {...step} />}
        {source === "profile" && <ProfileSource {...step} />}
        {source === "hand" && (
          <>
            <p>{t("add.hand_hint")}</p>
            {driver?.address && (
              <p className="quiet">
                {t("device.address")}: {driver.address}
              </p>
            )}
            <Button
              onClick={() => {
                const point = { name: `point-${draft.points.length + 1}`, address: "" };
                change(({ points }) => ({ profile: "", points: [...points, drafted(point)] }));
                go("map");
              }}
            >
              {t("add.point_new")}
            </Button>
          </>
        )}
      </div>
      <div className="step-foot">
        <span className="quiet" role="status">
          {draft.profile
            ? t("add.by_profile", { profile: draft.profile })
            : t("add.points_so_far", { count: format.count(draft.points.length) })}
        </span>
        <Button onClick={() => go("connect")}>{t("add.back")}</Button>
        <Button type="primary" onClick={() => go(draft.profile ? "check" : "map")}>
          {t("add.next")}
        </Button>
      </div>
    </Panel>
  );
}
