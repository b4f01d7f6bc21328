/** What a value says, by its type: addresses as links, servers, administrators, keys by their fingerprints, statements. */

import { Link } from "react-router";
import type { Schemas } from "~/api/client";
import * as format from "~/parts/format";
import { t } from "~/texts";

type Value = Schemas["ValueView"];

interface Reference {
  handle: string;
  index: number;
}

interface Admin extends Reference {
  permissions: string;
}

interface Site {
  serialNumber: number;
  primarySite: boolean;
  servers: {
    serverId: number;
    address: string;
    fingerprint: string;
    interfaces: { protocol: string; port: number; query: boolean; admin: boolean }[];
  }[];
}

interface Claims {
  iss: string;
  sub: string;
  exp?: number;
  perms?: { perm: string; handle?: string }[];
}

/** Bits of HS_ADMIN, the highest first. */
const RIGHTS = [
  "list",
  "read",
  "add_admin",
  "remove_admin",
  "modify_admin",
  "add_value",
  "remove_value",
  "modify_value",
  "delete_prefix",
  "add_prefix",
  "delete_handle",
  "add_handle",
] as const;

export function ValueData({ value }: { value: Value }) {
  switch (value.format) {
    case "string":
      return <Words value={value} />;
    case "locations":
      return <Locations value={value} />;
    case "admin":
      return <Administrator admin={value.data as Admin} />;
    case "vlist":
      return <Group references={value.data as Reference[]} />;
    case "site":
      return <Servers site={value.data as Site} />;
    case "key":
      return <Key value={value} />;
    case "claims":
      return <Statement claims={value.data as Claims} />;
    case "secret":
      return <p className="value-data quiet">{t("value_data.secret")}</p>;
    default:
      return <p className="value-data mono">{String(value.data)}</p>;
  }
}

/** A link where an address of the web stands: anything else that a record says is only shown. */
function Words({ value }: { value: Value }) {
  const words = String(value.data);
  const link = /^https?:\/\/\S+$/i.test(words);
  const email = value.type.toUpperCase() === "EMAIL" && /^[^\s@]+@[^\s@]+$/.test(words);
  return (
    <p className="value-data">
      {link ? (
        <Outside href={words} />
      ) : email ? (
        <a href={`mailto:${words}`}>{words}</a>
      ) : value.type.toUpperCase() === "HS_ALIAS" || value.type.toUpperCase().startsWith("HS_SERV") ? (
        <HandleLink handle={words} />
      ) : (
        words
      )}
    </p>
  );
}

function Outside({ href }: { href: string }) {
  return (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {href}
    </a>
  );
}

function HandleLink({ handle }: { handle: string }) {
  return <Link to={`?id=${encodeURIComponent(handle)}`}>{handle}</Link>;
}

function Locations({ value }: { value: Value }) {
  return (
    <ul className="value-data plain">
      {value.locations.map((location) => (
        <li key={location.href}>
          {/^https?:\/\//i.test(location.href) ? <Outside href={location.href} /> : location.href}{" "}
          <span className="quiet">
            {[
              t("value_data.weight", { weight: location.weight }),
              ...Object.entries(location.attributes).map(([name, text]) => `${name} ${text}`),
            ].join(" · ")}
          </span>
        </li>
      ))}
    </ul>
  );
}

// texts: right.*
function Administrator({ admin }: { admin: Admin }) {
  const rights = RIGHTS.filter((_, place) => admin.permissions[place] === "1");
  return (
    <div className="value-data">
      <p className="flat">
        <HandleLink handle={admin.handle} />{" "}
        <span className="quiet">
          {admin.index ? t("value_data.index", { index: admin.index }) : t("value_data.any_index")}
        </span>
      </p>
      <p className="flat quiet">
        {rights.length === RIGHTS.length
          ? t("value_data.all_rights")
          : rights.map((right) => t(`right.${right}`)).join(" · ") || t("value_data.no_rights")}
      </p>
    </div>
  );
}

function Group({ references }: { references: Reference[] }) {
  return (
    <ul className="value-data plain">
      {references.map((each) => (
        <li key={`${each.index}:${each.handle}`}>
          <HandleLink handle={each.handle} />{" "}
          <span className="quiet">{t("value_data.index", { index: each.index })}</span>
        </li>
      ))}
    </ul>
  );
}

function Servers({ site }: { site: Site }) {
  return (
    <div className="value-data">
      <p className="flat quiet">
        {t(site.primarySite ? "value_data.primary" : "value_data.mirror")} ·{" "}
        {t("value_data.serial", { serial: site.serialNumber })}
      </p>
      <ul className="plain">
        {site.servers.map((server) => (
          <li key={server.serverId}>
            <b className="mono">{server.address}</b>{" "}
            <span className="quiet">{server.interfaces.map((way) => `${way.protocol} ${way.port}`).join(" · ")}</span>
            {server.fingerprint && <Fingerprint text={server.fingerprint} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Key({ value }: { value: Value }) {
  const key = value.data as { kty?: string; crv?: string };
  return (
    <div className="value-data">
      <span>{[key.kty, key.crv].filter(Boolean).join(" ")}</span>
      {value.key && <Fingerprint text={value.key} />}
    </div>
  );
}

/** A key by its SHA-256. */
export function Fingerprint({ text }: { text: string }) {
  return (
    <span className="fingerprint mono" title={t("value_data.fingerprint")}>
      {text}
    </span>
  );
}

function Statement({ claims }: { claims: Claims }) {
  return (
    <dl className="facts value-data">
      <dt>{t("value_data.issuer")}</dt>
      <dd className="mono">{claims.iss}</dd>
      <dt>{t("value_data.subject")}</dt>
      <dd className="mono">{claims.sub}</dd>
      {claims.exp !== undefined && (
        <>
          <dt>{t("value_data.expires")}</dt>
          <dd>{format.dateTime(claims.exp * 1000)}</dd>
        </>
      )}
      {claims.perms && claims.perms.length > 0 && (
        <>
          <dt>{t("value_data.may_sign")}</dt>
          <dd>{claims.perms.map((each) => [each.perm, each.handle].filter(Boolean).join(" ")).join(" · ")}</dd>
        </>
      )}
    </dl>
  );
}
