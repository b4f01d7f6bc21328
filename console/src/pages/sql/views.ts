/** What a statement may read: the views that the server makes of the tags and the time asked for. */

export interface View {
  name: string;
  columns: readonly { name: string; type: "text" | "time" | "number" | "boolean" }[];
}

const of = (type: View["columns"][number]["type"], names: string) => names.split(" ").map((name) => ({ name, type }));

export const VIEWS: readonly View[] = [
  {
    name: "samples",
    columns: [
      ...of("text", "tag"),
      ...of("time", "ts arrival"),
      ...of("number", "value integer"),
      ...of("text", "text"),
      ...of("boolean", "boolean"),
      ...of("number", "quality"),
      ...of("boolean", "good"),
    ],
  },
  {
    name: "rollup_1h",
    columns: [
      ...of("text", "tag"),
      ...of("time", "ts"),
      ...of("number", "count good uncertain bad sum min max average first"),
      ...of("time", "first_ts"),
      ...of("number", "last"),
      ...of("time", "last_ts"),
    ],
  },
  { name: "tags", columns: of("text", "tag handle unit description kind device project") },
];

/** Statements to begin with; each has its name in the words. */
export const EXAMPLES: readonly { key: string; sql: string }[] = [
  {
    key: "means",
    sql: "select tag, time_bucket(interval 1 minute, ts) as minute, avg(value) as mean\nfrom samples\nwhere good\ngroup by all\norder by all",
  },
  {
    key: "hours",
    sql: "select tag, ts, average, min, max\nfrom rollup_1h\norder by tag, ts",
  },
  {
    key: "quality",
    sql: "select tag, count(*) as samples, count(*) filter (not good) as not_good,\n  round(100.0 * count(*) filter (good) / count(*), 2) as percent_good\nfrom samples\ngroup by tag\norder by percent_good, tag",
  },
  {
    key: "newest",
    sql: "select tag, unit, description, arg_max(value, ts) as newest, max(ts) as at\nfrom samples join tags using (tag)\ngroup by all\norder by tag",
  },
  {
    key: "gaps",
    sql: "with steps as (\n  select tag, ts, ts - lag(ts) over (partition by tag order by ts) as step from samples\n)\nselect tag, ts as until, step from steps\nwhere step > interval 10 second\norder by step desc",
  },
];
