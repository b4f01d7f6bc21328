import { AppstoreOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/dashboards",
  text: "dashboards.title",
  icon: AppstoreOutlined,
  order: 31,
  action: "dashboards:read",
  load: () => import("./list"),
  below: [{ path: ":name", load: () => import("./board") }],
});
