"""Enrolment: who asks is proved, the request is held against it, the certificate issued, all of it recorded.

Requests that arrive together share one transaction: a commit costs more than all the rest. What is refused leaves an
entry in the audit trail and nothing else; what is answered is on disk.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import Connection

from lineshaft.access import audit, principals
from lineshaft.access.access import Access
from lineshaft.access.audit import Act
from lineshaft.access.est import invitations
from lineshaft.access.est.makers import Makers
from lineshaft.access.est.messages import Enrol, Enrolled
from lineshaft.access.lockout import Lockout, normal_address
from lineshaft.access.names import RESERVED
from lineshaft.access.pki import certificates
from lineshaft.access.pki.der import key_in_request
from lineshaft.core import trace
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError, TooMany, Unauthenticated
from lineshaft.core.principals import Principal, PrincipalKind
from lineshaft.records import Database

MOST_TOGETHER: Final = 64
ACTION: Final = "access:enrol"
PROFILES: Final[dict[PrincipalKind, str]] = {"device": "device", "service": "device", "node": "node"}
"""Which certificate each kind of machine gets. A service that enrols runs on a machine of its own, as a device does."""
_REFUSALS: Final = (Conflict, Forbidden, InvalidInput, TooMany, Unauthenticated)


class Issuer(Protocol):
    """The part of the certificate authority that is needed here."""

    def issue(
        self, connection: Connection, request: bytes, profile: str, principal: Principal, *, names: Sequence[str] = ()
    ) -> Any: ...  # fmt: skip


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, before the transaction."""

    via: str
    """`token`, `certificate` or `idevid`."""
    principal: Principal | None = None
    """Behind a certificate of ours."""
    serial: str = ""
    """In a maker's certificate."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolment on its way."""

    asked: Enrol
    proved: Proved
    key: str
    """SHA-256 of the public key in the request, by which its repetition is known; empty where it cannot be read."""
    trace: str
    """Of the request: its entries must not carry that of whoever it shares the transaction with."""


class EnrolmentDesk:
    """Takes enrolments; see the module."""

    def __init__(
        self, database: Database, tenant: str, access: Access, issuer: Issuer, makers: Makers, lockout: Lockout
    ) -> None:  # fmt: skip
        self._database = database
        self._tenant = tenant
        self._access = access
        self._issuer = issuer
        self._makers = makers
        self._lockout = lockout
        self._waiting: list[tuple[Wanted, asyncio.Future[Enrolled | LineshaftError]]] = []
        self._turn = asyncio.Lock()

    async def enrol(self, asked: Enrol) -> Enrolled:
        """Issue a certificate for the request.

        Raises:
            Unauthenticated: the one answer whatever is wrong with token or certificate.
            InvalidInput: the request cannot be read, is for another name, or its key is too weak.
            TooMany: too many wrong tokens came from this address.
        """
        wanted = Wanted(
            asked=asked, proved=await self._prove(asked), key=_key_digest(asked.request), trace=trace.current()
        )
        answer: asyncio.Future[Enrolled | LineshaftError] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, answer))
        async with self._turn:  # in the order of arrival; whoever has the turn carries those who wait along
            if not answer.done():
                together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                await self._carry(together)
        outcome = answer.result()
        if isinstance(outcome, LineshaftError):
            raise outcome
        return outcome

    async def _prove(self, asked: Enrol) -> Proved:
        if asked.secret and not asked.renew:
            return Proved(via="token")
        if not asked.peer:
            raise invitations.refused("no proof")
        serial = self._makers.serial_of(asked.peer)
        if serial is None:
            return Proved(via="certificate", principal=await self._access.principal_of_certificate(asked.peer))
        return Proved(via="idevid", serial=serial)

    async def _carry(self, together: list[tuple[Wanted, "asyncio.Future[Enrolled | LineshaftError]"]]) -> None:
        outcomes: list[Enrolled | LineshaftError]
        try:
            outcomes = await self._database.write(self._enrol_all, [wanted for wanted, _ in together])
        except LineshaftError as error:  # the records do not answer: nobody has anything
            outcomes = [error] * len(together)
        except BaseException:
            for _, answer in together:
                answer.cancel()
            raise
        for (_, answer), outcome in zip(together, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)

    def _enrol_all(self, connection: Connection, together: list[Wanted]) -> list[Enrolled | LineshaftError]:
        return [self._enrol_one(connection, wanted) for wanted in together]

    def _enrol_one(self, connection: Connection, wanted: Wanted) -> Enrolled | LineshaftError:
        """Nothing is written before everything is checked: a refusal leaves the others' transaction clean."""
        trace.resume(wanted.trace)
        principal: Principal | None = None
        try:
            principal, right = self._authenticate(connection, wanted)
            issued = self._issuer.issue(connection, wanted.asked.request, _profile(principal), principal)
        except _REFUSALS as error:
            return self._refuse(connection, wanted, principal, error)
        if right:
            invitations.use(connection, right, wanted.key)
        facts = {
            "name": principal.name, "via": wanted.proved.via, "renew": wanted.asked.renew,
            "fingerprint": issued.fingerprint, "address": wanted.asked.address,
        }  # fmt: skip
        self._note(connection, principal.id, principal.id, "done", facts)
        return Enrolled(certificate=issued.der)

    def _authenticate(self, connection: Connection, wanted: Wanted) -> tuple[Principal, str]:
        """(who enrols, the right that is used up; empty for a certificate of ours)."""
        asked, proved = wanted.asked, wanted.proved
        if proved.principal is not None:
            row = principals.get_row(connection, self._tenant, proved.principal.id)
            if row.revoked is not None:
                raise invitations.refused("the principal is revoked")
            if not all(certificates.stands(connection, self._tenant, key) for key in proved.principal.keys):
                raise invitations.refused("the certificate is revoked")
            if row.name in RESERVED:  # its certificate, which lives for hours, would beget one that lives for months
                raise invitations.refused("a service of the box gets its certificates from the box")
            return principals.from_row(row), ""
        if asked.renew:  # a maker's certificate begins something, it renews nothing
            raise invitations.refused("a maker's certificate cannot renew")
        if proved.via == "idevid":
            if not proved.serial:
                raise invitations.refused("the maker's certificate has no serial number")
            row = invitations.find_by_serial(connection, self._tenant, proved.serial, wanted.key)
        else:
            invitations.check_open(connection, normal_address(asked.address))
            row = invitations.find_by_secret(connection, self._tenant, asked.name, asked.secret, wanted.key)
        return principals.from_row(row), row.right

    def _refuse(
        self, connection: Connection, wanted: Wanted, principal: Principal | None, error: LineshaftError
    ) -> LineshaftError:
        reason = str(error.__cause__) if isinstance(error.__cause__, invitations.Reason) else error.code
        facts = {"via": wanted.proved.via, "reason": reason, "address": wanted.asked.address}
        if isinstance(error, TooMany):
            return error  # counted and recorded when it was locked
        if isinstance(error, Unauthenticated) and wanted.proved.via == "token":
            locks = invitations.charge(connection, self._lockout, normal_address(wanted.asked.address))
            self._note(connection, "", "*", "locked" if locks else "refused", facts)
            return error
        if wanted.proved.serial:
            facts["serial"] = wanted.proved.serial
        who = "" if principal is None else principal.id
        self._note(connection, who, who or "*", "refused", facts)
        return error

    def _note(
        self, connection: Connection, principal: str, resource: str, outcome: Any, facts: dict[str, Any]
    ) -> None:  # fmt: skip
        act = Act(principal=principal, action=ACTION, resource=resource, outcome=outcome, facts=facts)
        audit.write(connection, self._tenant, act)


def _key_digest(request: bytes) -> str:
    try:
        return hashlib.sha256(key_in_request(request)).hexdigest()
    except (ValueError, IndexError, LineshaftError):
        return ""  # the authority refuses it, once whoever sent it is known


def _profile(principal: Principal) -> str:
    profile = PROFILES.get(principal.kind)
    if profile is None:
        raise Conflict(
            "access.enrolment_kind", f"{principal.name!r} is a {principal.kind}, which gets no certificate by enrolment",
            "Devices, services and nodes enrol.", name=principal.name, kind=principal.kind,
        )  # fmt: skip
    return profile
