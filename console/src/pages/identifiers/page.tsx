import { BarcodeOutlined } from "@ant-design/icons";
import { definePage } from "~/pages";

export default definePage({
  path: "/identifiers",
  text: "identifiers.title",
  icon: BarcodeOutlined,
  order: 50,
  action: "resolution:read",
  load: () => import("./identifiers"),
});
