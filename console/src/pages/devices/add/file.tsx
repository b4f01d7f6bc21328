/** Points out of files: a table, a register map, a node set, points as JSON, or SunSpec models for a device that was browsed. */

import { InboxOutlined } from "@ant-design/icons";
import { useMutation } from "@tanstack/react-query";
import { Button, Upload } from "antd";
import { api, type Problem, take } from "~/api/client";
import * as format from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import type { StepProps } from "./add";
import { fresh, withSymbols } from "./draft";
import { LeftOut } from "./left";

const KINDS = ".csv,.yaml,.yml,.xml,.json";

export function FileSource({ draft, change }: StepProps) {
  const read = useMutation({
    mutationFn: async (chosen: File[]) => {
      const files = await Promise.all(chosen.map(async (file) => ({ name: file.name, text: await file.text() })));
      const read = await take(api.POST("/api/v1/edge/imports", { body: { files, browse: draft.browse } }));
      return { ...read, points: withSymbols(read.points, read.symbols) };
    },
  });
  const more = read.data ? fresh(read.data.points, draft.points) : [];
  return (
    <>
      <Upload.Dragger
        multiple
        accept={KINDS}
        showUploadList={false}
        beforeUpload={(file, all) => {
          if (file === all.at(-1)) read.mutate(all);
          return false; // it is read here; nothing is uploaded behind our back
        }}
      >
        <p>
          <InboxOutlined className="large-icon" />
        </p>
        <p>{t("add.file_drop")}</p>
        <p className="quiet">{t("add.file_kinds")}</p>
      </Upload.Dragger>
      {read.isPending && <p role="status">{t("devices.loading")}</p>}
      {read.error && <ProblemBox problem={read.error as unknown as Problem} />}
      {read.data && (
        <>
          <p role="status">
            {t("add.file_read", {
              files: (read.variables ?? []).map((file) => file.name).join(", "),
              count: format.count(read.data.points.length),
            })}
          </p>
          <Button
            type="primary"
            disabled={more.length === 0}
            onClick={() =>
              change(({ points }) => ({ points: [...points, ...fresh(read.data.points, points)], profile: "" }))
            }
          >
            {more.length ? t("add.take", { count: format.count(more.length) }) : t("add.taken")}
          </Button>
          <LeftOut items={read.data.notes} title={t("add.notes", { count: format.count(read.data.notes.length) })} />
          <LeftOut items={read.data.left} />
        </>
      )}
    </>
  );
}
