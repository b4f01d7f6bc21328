import { createRoot } from "react-dom/client";
import { preferences } from "~/app/preferences";
import { begin, Root } from "~/app/root";
import "~/app/frame.css";

preferences.show();
begin();
const root = document.getElementById("root");
if (root) createRoot(root).render(<Root />);
