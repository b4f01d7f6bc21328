"""The access service's part for certificates: issues and revokes, keeps the box's own, and the revocation list."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
from cryptography import x509
from sqlalchemy import Connection

from lineshaft.access import audit, principals
from lineshaft.access.audit import Act
from lineshaft.access.grants import ESSENTIAL, GRANTS
from lineshaft.access.model import Actor
from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.pki import certificates, crl, trust
from lineshaft.access.pki.authority import CertificateAuthority
from lineshaft.access.pki.box_files import BoxFiles
from lineshaft.access.pki.certificates import Certificate
from lineshaft.access.pki.messages import IssueCertificate, IssuedCertificate, RevokeCertificate
from lineshaft.access.pki.profiles import HOUR_US, PROFILES
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, LineshaftError, Unavailable
from lineshaft.core.health import Check
from lineshaft.core.principals import Decision

MANAGE: Final = "access:manage"
_ROUND_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 5.0

_AUTHORITIES: Final[WeakKeyDictionary[AsyncExitStack, CertificateAuthority]] = WeakKeyDictionary()
_OPENING: Final = threading.Lock()


def authority_of(surroundings: Surroundings) -> CertificateAuthority:
    """The one authority of a running access service, for every part that issues. Blocks at first.

    Raises:
        Corrupt, InvalidInput: as `CertificateAuthority`.
    """
    with _OPENING:
        found = _AUTHORITIES.get(surroundings.stack)
        if found is None:
            context = surroundings.context
            found = CertificateAuthority(context.home, context.identity, context.settings.of(PkiSettings))
            _AUTHORITIES[surroundings.stack] = found
        return found


class PkiPart:
    """See the module; a `Part` of the access service."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._home = surroundings.context.home
        self._identity = surroundings.context.identity
        self._settings = surroundings.context.settings.of(PkiSettings)
        self._database = surroundings.database
        self._stale = asyncio.Event()
        self._failed = ""
        self._crl: crl.RevocationList | None = None
        self._log = structlog.get_logger("access.pki")

    async def start(self) -> None:
        self._authority = await asyncio.to_thread(authority_of, self._around)
        self._files = BoxFiles(self._home, self._identity, self._database, self._authority, self._settings)
        loop = asyncio.get_running_loop()
        stop = self._database.listen(certificates.TOPIC, lambda: loop.call_soon_threadsafe(self._stale.set))
        self._around.stack.callback(stop)
        await asyncio.to_thread(self._round)

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "issue_certificate": Verb(IssueCertificate, self.issue),
            "revoke_certificate": Verb(RevokeCertificate, self.revoke),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return (self._keep(),)

    def checks(self) -> list[Check]:
        return [self._authority_check(), self._crl_check()]

    # -- verbs --------------------------------------------------------------------------------------------------------

    async def issue(self, asked: IssueCertificate) -> IssuedCertificate:
        """A certificate for a principal, from its request.

        Raises:
            Forbidden. NotFound. InvalidInput, Conflict, Unavailable: as `CertificateAuthority.issue`.
        """
        decision = await self._around.administration.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._issue, asked, decision)

    def _issue(self, connection: Connection, asked: IssueCertificate, decision: Decision) -> IssuedCertificate:
        row = principals.get_row(connection, self._identity.tenant, asked.name)
        if row.name in ESSENTIAL:
            raise Conflict(
                "access.no_certificate", f"{row.name!r} does not get certificates this way",
                "The box's own services get theirs at its start.", name=row.name,
            )  # fmt: skip
        made = self._authority.issue(
            connection, asked.csr.encode(), asked.profile, principals.from_row(row), names=asked.names
        )
        facts = {"name": row.name, "profile": asked.profile, "fingerprint": made.fingerprint, "names": asked.names,
                 "not_after": clock.rfc3339(made.not_after)}  # fmt: skip
        self._note(connection, asked.actor, "access:issue_certificate", row.id, decision, facts)
        shown = certificates.get(connection, self._identity.tenant, made.fingerprint)
        return IssuedCertificate(certificate=shown, chain=made.chain_pem)

    async def revoke(self, asked: RevokeCertificate) -> Certificate:
        """Revoke a certificate for ever; the revocation list follows at once.

        A machine whose last certificate it is leaves the bus too: its credentials came by that certificate.

        Raises:
            Forbidden. NotFound. InvalidInput: no such reason, or a certificate of the authority itself.
        """
        decision = await self._around.administration.decide(asked.actor, MANAGE, asked.fingerprint)
        done, void = await self._database.write(self._revoke, asked, decision)
        if void:
            await self._around.cut_off(done.name)
        return done

    def _revoke(
        self, connection: Connection, asked: RevokeCertificate, decision: Decision
    ) -> tuple[Certificate, list[str]]:
        """The certificate, and bus keys that are void now."""
        done = certificates.revoke(connection, self._identity.tenant, asked.fingerprint, asked.reason)
        void = []
        # The box gives its own services new certificates by itself.
        if done.name not in GRANTS and PROFILES[done.profile].proves and not self._can_call(connection, done.principal):
            void = principals.revoke_credentials(connection, done.principal)
        facts = {"name": done.name, "fingerprint": done.fingerprint, "reason": done.reason, "void_keys": void}
        self._note(connection, asked.actor, "access:revoke_certificate", done.principal, decision, facts)
        return done, void

    def _can_call(self, connection: Connection, principal: str) -> bool:
        """Whether a principal has a certificate in force that it can call with."""
        standing = certificates.of_principal(connection, principal)
        return any(PROFILES[row.profile].proves and row.not_after > clock.now_us() for row in standing)

    # -- kept in the background ---------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Round by round, and at once when something was revoked."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_SECONDS if self._failed else _ROUND_SECONDS):
                    await self._stale.wait()
            self._stale.clear()
            await asyncio.to_thread(self._round)

    def _round(self) -> None:
        """Renew what is due; a failure is noted once, and tried again."""
        try:
            with self._authority.renewing:
                self._renew()
            self._failed = ""
        except LineshaftError as error:
            if self._failed != error.code:
                self._failed = error.code
                self._log.warning("certificates_not_kept", code=error.code, message=error.message)

    def _renew(self) -> None:
        if self._authority.refresh():
            self._log.info("authority_renewed")
        self._database.transact(self._authority.record)
        self._database.transact(certificates.sweep, self._identity.tenant)
        if not self._authority.trouble():
            made = self._files.keep()
            if made:
                self._log.info("certificates_renewed", names=made)
            self._crl = crl.describe(self._current_crl())

    def _current_crl(self) -> bytes:
        """The list, made anew where it is old, another authority's, or does not hold what is revoked."""
        try:
            last = self._authority.crl()
            crl.publish(self._home, last)
        except (Unavailable, ValueError):
            return crl.renew(self._database, self._authority, self._home, self._identity)
        with self._database.read() as connection:
            wanted = {line.serial for line in certificates.revoked(connection, self._identity.tenant)}
        listed = x509.load_der_x509_crl(last)
        age = clock.now_us() - clock.to_us(listed.last_update_utc)
        issuing = self._authority.issuing
        good = (
            wanted == {line.serial_number for line in listed} and 0 <= age < self._settings.crl_hours * HOUR_US
            and issuing is not None and trust.list_signed_by(listed, issuing)
        )  # fmt: skip
        return last if good else crl.renew(self._database, self._authority, self._home, self._identity)

    # -- how it is ----------------------------------------------------------------------------------------------------

    def _authority_check(self) -> Check:
        trouble, issuing = self._authority.trouble(), self._authority.issuing
        if trouble or issuing is None:
            return Check(
                name="certificates", ok=False, detail=trouble, hint="`lineshaft pki show` says what is missing."
            )
        left = issuing.not_valid_after_utc - clock.now()
        late = left < (issuing.not_valid_after_utc - issuing.not_valid_before_utc) / 4
        detail = f"the issuing certificate ends in {left.days} days" if late else ""
        hint = "Let the root sign it anew: `lineshaft pki root-sign`, `lineshaft pki install`." if late else ""
        return Check(name="certificates", ok=not late, detail=detail, hint=hint)

    def _crl_check(self) -> Check:
        ended = self._crl is None or clock.now_us() >= self._crl.next_update
        detail = "there is none that is valid now" if ended else ""
        hint = "It is made as soon as the authority can sign." if ended else ""
        return Check(name="revocation list", ok=not ended, detail=detail, hint=hint)

    def _note(
        self, connection: Connection, actor: Actor, action: str, resource: str, decision: Decision,
        facts: dict[str, Any],
    ) -> None:  # fmt: skip
        act = Act(
            principal=actor.id, action=action, resource=resource, outcome="done", decision=decision.id, facts=facts
        )
        audit.write(connection, self._identity.tenant, act)
