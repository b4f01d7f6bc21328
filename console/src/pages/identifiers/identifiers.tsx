/** What identifiers lead to, wherever their records are, and the nodes that answer for them. */

import { useMay, useSession } from "~/app/session";
import { PageHead } from "~/parts/page";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";
import { Nodes } from "./nodes";
import { Resolve } from "./resolve";
import "./identifiers.css";

const MAIN_PROJECT = "main";

export default function Identifiers() {
  const may = useMay();
  const projects = useSession()?.projects;
  const tabs = [{ key: "resolve", label: t("identifiers.resolve"), children: <Resolve /> }];
  // Nodes are the installation's: they are there for members of its own project.
  if (may("resolution:read") && (!projects || projects.includes(MAIN_PROJECT)))
    tabs.push({ key: "nodes", label: t("identifiers.nodes"), children: <Nodes /> });
  return (
    <div className="page identifiers">
      <PageHead title={t("identifiers.title")} sub={t("identifiers.help")} />
      <AddressTabs items={tabs} />
    </div>
  );
}
