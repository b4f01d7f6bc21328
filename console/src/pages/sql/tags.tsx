/** Which tags a statement is about: chosen from those there are, or patterns with * and ?. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useState } from "react";
import { api, take } from "~/api/client";
import { useRested } from "~/parts/rested";
import { shortName } from "~/parts/trend/picker";
import { t } from "~/texts";

const FOUND = 50;
const MOST = 1000;

export function Tags({ tags, onChange }: { tags: readonly string[]; onChange: (tags: string[]) => void }) {
  const [text, setText] = useState("");
  const search = useRested(text.trim());
  const found = useQuery({
    queryKey: ["tags", "search", search],
    queryFn: () => take(api.GET("/api/v1/history/tags", { params: { query: { search, limit: FOUND } } })),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  const options = (found.data?.items ?? []).map((tag) => ({
    value: tag.path,
    label: shortName(tag.path),
    description: [tag.description, tag.unit].filter(Boolean).join(" · "),
  }));
  const rest = tags
    .filter((path) => !options.some((option) => option.value === path))
    .map((path) => ({ value: path, label: path === "*" ? t("sql.all_tags") : shortName(path), description: path }));
  return (
    <Select
      mode="tags"
      className="sql-tags"
      value={[...tags]}
      options={[
        ...(tags.includes("*") ? [] : [{ value: "*", label: t("sql.all_tags"), description: "*" }]),
        ...options,
        ...rest,
      ]}
      maxCount={MOST}
      loading={found.isFetching}
      allowClear
      showSearch={{ filterOption: false, searchValue: text, onSearch: setText }}
      placeholder={t("sql.pick")}
      aria-label={t("sql.pick")}
      onChange={(chosen: string[]) => onChange(chosen)}
      maxTagCount="responsive"
      popupMatchSelectWidth={460}
      optionRender={({ data }) => (
        <span className="sql-tag-option">
          <span>{data.label}</span> <small>{data.description}</small>
        </span>
      )}
    />
  );
}
