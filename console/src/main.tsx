import { createRoot } from "react-dom/client";
import { preferences } from "~/app/preferences";
import { begin, Root } from "~/app/root";
// What comes later prevails.
import "~/app/styles/base.css";
import "~/app/styles/frame.css";
import "~/app/styles/pages.css";
import "~/app/styles/live.css";
import "~/app/styles/tables.css";
import "~/app/styles/search.css";
import "~/app/styles/signin.css";
import "~/app/styles/narrow.css";
import "~/app/styles/facts.css";
import "~/app/styles/choices.css";
import "~/app/styles/states.css";

preferences.show();
begin();
const root = document.getElementById("root");
if (root) createRoot(root).render(<Root />);
