import { LineChartOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/trends",
  text: "trends.title",
  icon: LineChartOutlined,
  order: 30,
  action: "history:read",
  load: () => import("./trends"),
});
