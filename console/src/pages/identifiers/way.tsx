/** How the answer came about: which servers were asked from the root down, what they signed, and what that proves. */

import type { Schemas } from "~/api/client";
import * as format from "~/parts/format";
import { Panel } from "~/parts/page";
import { t } from "~/texts";
import { Fingerprint } from "./value";

type Resolved = Schemas["ResolvedView"];
type Hop = Resolved["hops"][number];

export function Way({ resolved }: { resolved: Resolved }) {
  const total = resolved.hops.reduce((sum, hop) => sum + hop.milliseconds, 0);
  return (
    <Panel
      title={t("way.title")}
      extra={
        <span className="quiet">
          {t("way.sum", { count: resolved.hops.length, time: format.number(Math.round(total)) })}
        </span>
      }
    >
      <ol className="way">
        {resolved.hops.map((hop, place) => (
          // The same question may be asked of the same server twice: only its place tells one from the other.
          <li key={place} className={toneOf(hop)}>
            <Step hop={hop} />
          </li>
        ))}
      </ol>
      {resolved.answer && <Trust resolved={resolved} />}
    </Panel>
  );
}

function toneOf(hop: Hop): string {
  if (!hop.answer) return "bad";
  if (hop.answer !== "success") return "warn";
  return hop.signed ? "good" : "";
}

function Step({ hop }: { hop: Hop }) {
  const where = hop.zone ? t("way.zone", { prefix: hop.zone }) : t("way.root");
  return (
    <>
      <div className="way-head">
        <b>{where}</b>
        <span className="mono">{hop.server}</span>
        {hop.protocol && <span className="chip">{hop.protocol}</span>}
        <span className="quiet">{format.number(hop.milliseconds, 3)} ms</span>
      </div>
      <div>
        {t("way.asked", { handle: hop.handle })} → <b>{said(hop)}</b>
      </div>
      {hop.note && <div className="quiet">{hop.note}</div>}
      {hop.signed ? (
        <div className="quiet">
          {t("way.signed")} <Fingerprint text={hop.key} />
        </div>
      ) : (
        hop.answer && <div className="quiet">{t("way.unsigned")}</div>
      )}
    </>
  );
}

/** What came back; answers of the protocol that people meet often in their words. */
// texts: hop.*
const KNOWN = new Set(["success", "handle not found", "values not found", "server busy", "prefix referral"]);

function said(hop: Hop): string {
  if (!hop.answer) return t("hop.nothing");
  return KNOWN.has(hop.answer) ? t(`hop.${hop.answer.replaceAll(" ", "_")}`) : hop.answer;
}

/** What is proved: signatures in the record with their chains, and the proof of registration. */
function Trust({ resolved }: { resolved: Resolved }) {
  const registration = resolved.registration;
  return (
    <div className="trust">
      <h3>{t("trust.title")}</h3>
      {!resolved.checked && <p className="warn-text">{t("trust.unchecked")}</p>}
      {resolved.checked && resolved.signatures.length === 0 && <p className="quiet">{t("trust.no_signature")}</p>}
      {resolved.signatures.map((signature) => (
        <div key={signature.index} className="trust-block">
          <p>
            <span className={`chip ${signature.valid ? "good" : "bad"}`}>
              {t(signature.valid ? "trust.signature_good" : "trust.signature_bad", { index: signature.index })}
            </span>{" "}
            {signature.valid
              ? t("trust.covers", { indexes: signature.covers.join(", ") || "—" })
              : `${signature.signer} ${signature.reason}`}
          </p>
          <ol className="chain">
            {signature.chain.map((link) => (
              <li key={link.key}>
                <span className="mono">{link.subject}</span>{" "}
                {link.issuer ? (
                  <span className="quiet">
                    {t("trust.certified_by", { issuer: link.issuer })}
                    {link.permissions.length > 0 && ` · ${link.permissions.join(" · ")}`}
                    {link.expires && ` · ${t("trust.until", { time: format.dateTime(link.expires) })}`}
                  </span>
                ) : (
                  <span className="chip good">{t("trust.root_key")}</span>
                )}
                <Fingerprint text={link.key} />
              </li>
            ))}
          </ol>
        </div>
      ))}
      {registration ? (
        <div className="trust-block">
          <p>
            <span className={`chip ${registration.holds ? "good" : "bad"}`}>
              {t(registration.holds ? "trust.registered" : "trust.registered_not")}
            </span>{" "}
            {registration.holds
              ? t("trust.registered_by", { origin: registration.origin, time: format.dateTime(registration.time) })
              : `${registration.problem?.title ?? ""} ${registration.problem?.hint ?? ""}`}
          </p>
          {registration.holds && <Ledger registration={registration} />}
        </div>
      ) : (
        resolved.checked && <p className="quiet">{t("trust.no_registration")}</p>
      )}
    </div>
  );
}

function Ledger({ registration }: { registration: NonNullable<Resolved["registration"]> }) {
  const { source } = registration;
  return (
    <dl className="facts">
      <dt>{t("trust.key")}</dt>
      <dd>
        {source === "roots" || source === "node" ? t(`trust.key_of_${source}`) : t("trust.key_of", { prefix: source })}
        <Fingerprint text={registration.key} />
      </dd>
      <dt>{t("trust.log")}</dt>
      <dd>
        {registration.log
          ? t("trust.entry", { entry: registration.entry ?? 0, log: registration.log, size: registration.size ?? 0 })
          : t("trust.no_log")}
        {registration.root && <span className="fingerprint mono">{registration.root}</span>}
      </dd>
    </dl>
  );
}
