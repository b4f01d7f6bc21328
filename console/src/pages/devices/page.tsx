import { ApiOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/devices",
  text: "devices.title",
  icon: ApiOutlined,
  order: 20,
  action: "edge:read",
  load: () => import("./list"),
  // No device's name begins with "@".
  below: [
    { path: ":name", load: () => import("./device") },
    { path: "@add", load: () => import("./add/add") },
    { path: "@gateways", load: () => import("./gateways") },
    { path: "@gateways/:gateway", load: () => import("./guard") },
    { path: "@waiting", load: () => import("./waiting") },
  ],
});
