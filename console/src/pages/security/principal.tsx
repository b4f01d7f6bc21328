/** One person, service, device or app: what it may do, and by what it gets in. */

import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Typography } from "antd";
import { Link, useParams } from "react-router";
import { api, type Problem, type Schemas, take } from "~/api/client";
import * as format from "~/parts/format";
import { PageHead, Panel } from "~/parts/page";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { Rights } from "./rights";
import { SignIns } from "./signins";
import "./security.css";

export default function PrincipalPage() {
  const { name = "" } = useParams();
  const principal = useQuery({
    queryKey: ["principal", name],
    queryFn: () => take(api.GET("/api/v1/access/principals/{name}", { params: { path: { name } } })),
    retry: false,
  });
  const who = principal.data;
  return (
    <div className="page">
      <Link to="/security?tab=principals" className="back">
        <ArrowLeftOutlined /> {t("security.principals")}
      </Link>
      <PageHead
        title={name}
        sub={who && [t(`kind.${who.kind}`), ...who.roles.map((role) => t(`role.${role}`))].join(" · ")}
      >
        {who && (
          <span className={who.revoked ? "chip bad" : "chip good"}>
            {t(who.revoked ? "security.revoked" : "security.active")}
          </span>
        )}
      </PageHead>
      {principal.error && (
        <ProblemBox problem={principal.error as unknown as Problem} onRetry={() => void principal.refetch()} />
      )}
      {who && (
        <>
          <div className="two-columns">
            <Facts who={who} />
            <Rights key={who.id} who={who} />
          </div>
          <SignIns who={who} />
        </>
      )}
    </div>
  );
}

function Facts({ who }: { who: Schemas["PrincipalView"] }) {
  return (
    <Panel title={t("principal.about")}>
      <dl className="facts">
        <dt>{t("security.handle")}</dt>
        <dd>
          <Typography.Text copyable className="mono">
            {who.id}
          </Typography.Text>
        </dd>
        <dt>{t("security.projects")}</dt>
        <dd>{who.projects?.join(", ") ?? t("security.all")}</dd>
        <dt>{t("security.zone")}</dt>
        <dd>{who.zone || "—"}</dd>
        <dt>{t("principal.created")}</dt>
        <dd>{format.dateTime(who.created)}</dd>
        {who.revoked && (
          <>
            <dt>{t("security.revoked")}</dt>
            <dd>{format.dateTime(who.revoked)}</dd>
          </>
        )}
        {who.kind === "person" && (
          <>
            <dt>{t("principal.password")}</dt>
            <dd>{t(who.can_sign_in ? "principal.has_password" : "principal.no_password")}</dd>
          </>
        )}
      </dl>
      <p className="flat">
        <Link to={`/security?tab=audit&name=${encodeURIComponent(who.name)}`}>{t("principal.to_audit")}</Link>
        {" · "}
        <Link to={`/security?tab=certificates&name=${encodeURIComponent(who.name)}`}>{t("principal.to_certs")}</Link>
        {" · "}
        <Link to={`/security?tab=decision&who=${encodeURIComponent(who.name)}`}>{t("principal.to_decision")}</Link>
      </p>
    </Panel>
  );
}
