/** Choosing tags by a few characters of path or description. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useState } from "react";
import { api, take } from "~/api/client";
import { useRested } from "~/parts/rested";
import { t } from "~/texts";

const MOST = 50;

export function shortName(path: string): string {
  return path.split("/").slice(-2).join("/");
}

export function Picker({
  tags,
  most,
  onChange,
}: {
  tags: readonly string[];
  most: number;
  onChange: (tags: string[]) => void;
}) {
  const [text, setText] = useState("");
  const search = useRested(text.trim());
  const found = useQuery({
    queryKey: ["tags", "search", search],
    queryFn: () => take(api.GET("/api/v1/history/tags", { params: { query: { search, limit: MOST } } })),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  const options = (found.data?.items ?? []).map((tag) => ({
    value: tag.path,
    label: shortName(tag.path),
    description: tag.description,
    unit: tag.unit,
  }));
  for (const path of tags) {
    if (!options.some((option) => option.value === path))
      options.push({ value: path, label: shortName(path), description: "", unit: "" });
  }
  return (
    <Select
      mode="multiple"
      className="tag-picker"
      value={[...tags]}
      options={options}
      maxCount={most}
      loading={found.isFetching}
      allowClear
      showSearch={{ filterOption: false, searchValue: text, onSearch: setText }}
      placeholder={t("trends.pick")}
      aria-label={t("trends.pick")}
      notFoundContent={t("trends.no_tag")}
      onChange={onChange}
      maxTagCount="responsive"
      popupMatchSelectWidth={460}
      optionRender={({ data }) => (
        <span className="tag-option">
          <span>{data.label}</span> <small>{[data.description, data.unit].filter(Boolean).join(" · ")}</small>
        </span>
      )}
    />
  );
}
