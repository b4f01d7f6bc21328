import { ApiOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/devices",
  text: "devices.title",
  icon: ApiOutlined,
  order: 20,
  action: "edge:read",
  load: () => import("./list"),
  below: [{ path: ":name", load: () => import("./device") }],
});
