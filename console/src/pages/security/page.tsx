import { SafetyCertificateOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/security",
  text: "security.title",
  icon: SafetyCertificateOutlined,
  order: 60,
  action: "access:manage",
  load: () => import("./security"),
});
