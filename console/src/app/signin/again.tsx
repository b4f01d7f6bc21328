/** The session ended under an open page: one signs in over it, and finds it as it was left. */

import { Modal } from "antd";
import { t } from "~/texts";
import SignIn from "./signin";

/** Above whatever dialogue is open. */
const ABOVE = 3000;

export default function SignInAgain() {
  return (
    <Modal
      open
      footer={null}
      closable={false}
      keyboard={false}
      mask={{ closable: false }}
      zIndex={ABOVE}
      className="signin-again"
      classNames={{ mask: "signin-cover" }}
    >
      <SignIn notice={t("signin.over")} over />
    </Modal>
  );
}
