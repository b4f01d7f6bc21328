import { SettingOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/system",
  text: "system.title",
  icon: SettingOutlined,
  order: 70,
  action: "system:read",
  load: () => import("./system"),
});
