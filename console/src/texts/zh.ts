import frame from "./frame.zh.json";

const pages = import.meta.glob<Record<string, string>>("../pages/*/zh.json", { eager: true, import: "default" });

export default Object.assign({}, frame, ...Object.values(pages)) as Record<string, string>;
