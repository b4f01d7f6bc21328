import frame from "./frame.en.json";

const pages = import.meta.glob<Record<string, string>>("../pages/*/en.json", { eager: true, import: "default" });

export default Object.assign({}, frame, ...Object.values(pages)) as Record<string, string>;
