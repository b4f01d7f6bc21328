import { createRoot } from "react-dom/client";
import { Root } from "~/app/root";
import { preferences } from "~/app/preferences";
import "~/app/frame.css";

preferences.show();
const root = document.getElementById("root");
if (root) createRoot(root).render(<Root />);
