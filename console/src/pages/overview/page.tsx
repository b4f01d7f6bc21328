import { DashboardOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/",
  text: "overview.title",
  icon: DashboardOutlined,
  order: 10,
  load: () => import("./overview"),
});
