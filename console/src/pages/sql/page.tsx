import { ConsoleSqlOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/sql",
  text: "sql.title",
  icon: ConsoleSqlOutlined,
  order: 32,
  action: "history:read",
  load: () => import("./sql"),
});
