/** There is no device yet: who may add one is led there. */

import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useNavigate } from "react-router";
import { useMay } from "~/app/session";
import { Nothing } from "~/parts/page";
import { t } from "~/texts";

const ADD = "/devices/@add";

export function NoDevices() {
  const may = useMay();
  const navigate = useNavigate();
  return (
    <Nothing title={t("overview.no_devices")}>
      {may("edge:configure") ? (
        <>
          <p>{t("overview.no_devices_hint")}</p>
          <Button
            type="primary"
            icon={<PlusOutlined aria-hidden />}
            href={ADD}
            onClick={(event) => {
              event.preventDefault();
              void navigate(ADD);
            }}
          >
            {t("overview.add_device")}
          </Button>
        </>
      ) : (
        <p>{t("overview.no_devices_ask")}</p>
      )}
    </Nothing>
  );
}
