/** The installation itself: its services, its long work, its people, its settings, its backups, what it is made of. */

import { useMay } from "~/app/session";
import { PageHead, Panel } from "~/parts/page";
import { AddressTabs } from "~/parts/tabs";
import { t } from "~/texts";
import { About } from "./about";
import { Backups } from "./backups";
import { Jobs } from "./jobs";
import { Services } from "./services";
import { Sessions } from "./sessions";
import { Settings } from "./settings";
import { Users } from "./users";

export default function System() {
  const may = useMay();
  const tabs = [
    { key: "services", action: "system:read", children: <Services /> },
    { key: "jobs", action: "jobs:read", children: <Jobs /> },
    { key: "users", action: "access:manage", children: <Users /> },
    { key: "tokens", action: "access:self", children: <Sessions /> },
    { key: "settings", action: "system:manage", children: <Settings /> },
    { key: "backups", action: "system:manage", children: <Backups /> },
    { key: "about", action: "system:read", children: <About /> },
  ];
  return (
    <div className="page full">
      <PageHead title={t("system.title")} />
      <Panel className="flush grid-panel device-tabs">
        <AddressTabs
          items={tabs.filter((tab) => may(tab.action)).map((tab) => ({ ...tab, label: t(`system.${tab.key}`) }))}
        />
      </Panel>
    </div>
  );
}
