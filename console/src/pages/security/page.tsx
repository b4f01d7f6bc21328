import { SafetyCertificateOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/security",
  text: "security.title",
  icon: SafetyCertificateOutlined,
  order: 60,
  action: "access:approve", // everybody: whoever may do less sees fewer tabs
  load: () => import("./security"),
  below: [{ path: "principals/:name", load: () => import("./principal") }],
});
