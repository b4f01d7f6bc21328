/** Tabs whose choice is in the address. */

import { Tabs } from "antd";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";

export function AddressTabs({ items }: { items: { key: string; label: ReactNode; children: ReactNode }[] }) {
  const [params, setParams] = useSearchParams();
  const chosen = items.find((item) => item.key === params.get("tab"))?.key ?? items[0]?.key;
  return (
    <Tabs activeKey={chosen} items={items} destroyOnHidden onChange={(tab) => setParams({ tab }, { replace: true })} />
  );
}
