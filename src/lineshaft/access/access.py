"""`Access`: the library through which services know who calls and whether they may.

It reads the records itself, so that it works while the access service is down. What it has verified it believes for
`BELIEVED_SECONDS`: a revocation is felt everywhere within that time.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import Connection, Row

from lineshaft.access import audit, invitations, principals, sessions, tokens
from lineshaft.access.audit import Act
from lineshaft.access.browser import csrf_of
from lineshaft.access.decisions import Decisions
from lineshaft.access.denials import Denials, Refusals, RefusedCertificates
from lineshaft.access.lockout import normal_address
from lineshaft.access.model import SCOPES, TOKEN, AuditEntry, Invitation, Member, Outcome, Session, Token
from lineshaft.access.notes import Notes
from lineshaft.access.pki.verification import Refused, Verified, refused, verify
from lineshaft.access.policy.approvals import Input
from lineshaft.access.policy.duties import Duties
from lineshaft.access.policy.engine import Engine
from lineshaft.access.recording import Recording
from lineshaft.access.secret_texts import digest
from lineshaft.access.settings import AccessSettings
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, NotFound
from lineshaft.core.home import Identity
from lineshaft.core.principals import Decision, Principal, Resource
from lineshaft.records import Database

BELIEVED_SECONDS: Final = 2.0
_REMEMBERED: Final = 4096

V = TypeVar("V")


class Access:
    """Principals, decisions and the audit trail of one tenant. Safe to share between tasks of one event loop."""

    def __init__(self, database: Database, identity: Identity, settings: AccessSettings) -> None:
        self._database = database
        self._tenant = identity.tenant
        self._idle_us = settings.session_idle_minutes * 60 * clock.MICROSECONDS
        self._rotation_us = settings.session_rotation_minutes * 60 * clock.MICROSECONDS
        self._sessions: _Believed[Row[Any]] = _Believed()
        self._tokens: _Believed[Row[Any]] = _Believed()
        self._denials = Denials()
        self._refusals = Refusals()
        self._certificates: _Believed[Verified] = _Believed()
        self._refused_certificates = RefusedCertificates()
        self._notes = Notes(database, identity.tenant)
        self._recording = Recording(database, identity.tenant)
        self._decisions = Decisions(database, identity.tenant)
        self._duties = Duties(database, identity.tenant, self.note)
        self._used: dict[str, int] = {}  # newer than what the believed rows say, by id of session or token

    @property
    def tenant(self) -> str:
        """The tenant whose installation this is."""
        return self._tenant

    # -- who calls --------------------------------------------------------------------------------------------------

    async def principal_of_session(self, cookie: str, *, touch: bool = True) -> tuple[Principal, Session]:
        """The person behind a session's cookie, of whatever tenant, as of at most `BELIEVED_SECONDS` ago.

        Args:
            touch: count this as use, which keeps the session from ending idle.

        Raises:
            Unauthenticated: no such session, or it has ended.
        """
        key = digest(cookie)
        row = self._sessions.get(key)
        if row is None:
            row = await self._database.query(sessions.find, cookie)
            self._sessions.put(key, row)
        seen = self._last_use(row.session, row.seen)
        sessions.check(row, seen, self._idle_us)
        old = sessions.replaced(row, cookie)
        if old and clock.now_us() > row.previous_until:
            raise sessions.over()
        if touch:
            await self._touch(row.session, seen)
        session = Session(
            id=row.session, created=row.session_created, expires=row.expires, csrf=row.csrf or csrf_of(cookie),
            due=not old and sessions.due(row, self._rotation_us),
        )  # fmt: skip
        return principals.from_row(row), session

    async def principal_of_open_session(self, session: str) -> Principal:
        """The person of a session that was proved before, by its id; not counted as use.

        Raises:
            Unauthenticated: it has ended.
        """
        key = f"id {session}"
        row = self._sessions.get(key)
        if row is None:
            row = await self._database.query(sessions.find_by_id, session)
            self._sessions.put(key, row)
        sessions.check(row, self._last_use(session, row.seen), self._idle_us)
        return principals.from_row(row)

    async def renew_session(self, cookie: str) -> str | None:
        """A new cookie for a session whose time has come; None where another request was first.

        The one before counts for `sessions.OLD_SECRET_US` more.
        """
        self._sessions.drop(digest(cookie))
        return await self._database.write(sessions.rotate, cookie)

    def forget_sessions(self) -> None:
        """Believe nothing of what was verified, after sessions were ended."""
        self._sessions.clear()

    async def principal_of_token(self, text: str) -> Principal:
        """The principal behind an API token, as of at most `BELIEVED_SECONDS` ago, with the token's scopes.

        Raises:
            Unauthenticated: no such token, or it has expired.
        """
        key = digest(text)
        row = self._tokens.get(key)
        if row is None:
            row = await self._database.query(tokens.find, text)
            self._tokens.put(key, row)
        tokens.check(row)
        await self._note_use(row)
        return principals.from_row(row, **{SCOPES: " ".join(row.scopes), TOKEN: row.token})

    async def principal_of_certificate(self, der: bytes) -> Principal:
        """The principal behind a certificate of ours, as of at most `BELIEVED_SECONDS` ago; its `keys` name it.

        That the caller holds the private key is for TLS to show.

        Raises:
            Unauthenticated: the same for every reason; the audit trail has the reason, within bounds.
        """
        try:
            verified = await self._verified(der)
        except Refused as refusal:
            acts = self._refused_certificates.acts(refusal.reason, refusal.fingerprint, refusal.principal)
            if acts:
                await self._notes.add(acts)
            raise refused() from refusal
        return msgspec.structs.replace(principals.from_row(verified.row), keys=(verified.fingerprint,))

    async def note_refused_token(self, text: str, address: str, code: str) -> None:
        """Record that an API token was refused; bounded for each address."""
        acts = self._refusals.acts(normal_address(address), text, code)
        if acts:
            await self._notes.add(acts)

    async def end_session(self, cookie: str) -> None:
        """Sign out; works while the access service is down."""
        self._sessions.drop(digest(cookie))
        await self._database.write(self._end_session, cookie)

    # -- may they ---------------------------------------------------------------------------------------------------

    def authorize(
        self,
        principal: Principal,
        action: str,
        resource: str | Resource = "*",
        context: Mapping[str, Any] | None = None,
    ) -> Decision:
        """Decide, deny by default, by the policies loaded last; see `decisions`. Records nothing: `require` does.

        What the decision's obligations say is for the caller to do.
        """
        return self._decisions.decide(principal, action, resource, context)

    async def require(
        self,
        principal: Principal,
        action: str,
        resource: str | Resource = "*",
        context: Mapping[str, Any] | None = None,
        *,
        sent: Input | None = None,
        approval: bool = True,
    ) -> Decision:
        """Decide by the policies in force; a denial is recorded, with the context, before it is raised.

        The obligations `record` and `approve` are seen to here, `mask` and `sample` are the caller's to do.

        Args:
            sent: gives a digest of what was sent, to which a second person's approval is bound.
            approval: see to a second person where the policies demand one; False where the service that asks on
                somebody's behalf has done so.

        Raises:
            Forbidden: denied; carries the decision's id. Or a second person must approve first.
            NotFound: denied, of a project that the principal is no member of: the object is not there for it.
        """
        await self._decisions.refresh()
        decision = self.authorize(principal, action, resource, context)
        if not decision.allowed:
            acts = self._denials.acts(principal.id, decision, context or {})
            if acts:
                await self._notes.add(acts)
            if isinstance(resource, Resource) and not principal.sees(resource.project):
                raise NotFound(
                    "access.object_unknown", f"there is no {resource.kind} {resource.id[:255]!r}",
                    "Lists show what is there for you.", object=resource.id[:255], kind=resource.kind,
                )  # fmt: skip
            raise Forbidden(
                "access.denied", f"{principal.name} may not {action} ({decision.reason})",
                "An administrator can give the role or make a token with the scope that it needs.",
                name=principal.name, action=action, reason=decision.reason, decision=decision.id,
            )  # fmt: skip
        if decision.obligations:
            await self._duties.see_to(principal, decision, sent, approval=approval)
        return decision

    async def see_to(self, principal: Principal, decision: Decision, *, reasons: str = "") -> None:
        """See to the obligations `record` and `approve` of an allowance by `authorize`, as `require` does.

        Args:
            reasons: why it takes a second person, a line each, for whoever approves.

        Raises:
            Forbidden: a second person must approve first.
        """
        if decision.obligations:
            await self._duties.see_to(principal, decision, None, approval=True, reasons=reasons)

    async def refresh_policies(self, *, now: bool = False) -> None:
        """Load the policies in force where they may have changed; `require` does it by itself, `authorize` cannot."""
        await self._decisions.refresh(now=now)

    @property
    def policies(self) -> Engine:
        """The policies in force, as loaded last."""
        return self._decisions.engine

    @property
    def policies_fault(self) -> str:
        """Why the newest policies are not in force here; empty where they are."""
        return self._decisions.fault

    # -- lists ------------------------------------------------------------------------------------------------------

    async def members(self, *, after: str = "", limit: int = 100) -> list[Member]:
        """Principals by name, revoked ones included, beginning behind the name `after`."""
        return await self._database.query(principals.list_members, self._tenant, after=after, limit=limit)

    async def services_of(self, template: str) -> list[str]:
        """Names of the services with the grants of a template, revoked ones left out."""
        return await self._database.query(principals.services_of, self._tenant, template)

    async def member(self, name_or_id: str) -> Member:
        """One principal.

        Raises:
            NotFound: there is none.
        """
        return await self._database.query(principals.get_member, self._tenant, name_or_id)

    async def tokens_of(self, principal: str) -> list[Token]:
        """A principal's API tokens, newest first."""
        return await self._database.query(tokens.list_of, principal)

    async def owner_of_token(self, token: str) -> str:
        """Handle of the principal a token belongs to.

        Raises:
            NotFound: no such token.
        """
        return await self._database.query(tokens.owner, self._tenant, token)

    async def invitation(self, text: str) -> Invitation:
        """What the holder of a one-time link may know before using it.

        Raises:
            Unauthenticated: unknown, used or expired.
        """
        row = await self._database.query(invitations.find, text)
        return Invitation(name=row.name, roles=row.roles or ["administrator"], expires=row.expires)

    # -- the audit trail --------------------------------------------------------------------------------------------

    def record(
        self, principal: str, action: str, resource: str, outcome: Outcome, facts: Mapping[str, Any] | None = None,
        decision: str = "",
    ) -> None:  # fmt: skip
        """Add an entry; returns once it is durable. Blocks: in a coroutine use `note`, in a transaction `audit.write`."""
        act = Act(
            principal=principal, action=action, resource=resource, outcome=outcome, decision=decision, facts=facts or {}
        )
        self._database.transact(self._write_all, [act])

    async def note(self, act: Act) -> None:
        """Add an entry; returns once it is durable."""
        await self._notes.add([act])

    async def check_recording(self) -> None:
        """Refuse what must be recorded while the ledger does not take entries.

        Raises:
            Unavailable: entries have waited too long for their place in the ledger.
        """
        await self._recording.check()

    async def entries(
        self, *, before: tuple[int, str] | None = None, limit: int = 100, principal: str | None = None
    ) -> list[AuditEntry]:
        """The audit trail, newest first, older than the entry (time, id) `before`."""
        return await self._database.query(audit.read, self._tenant, before=before, limit=limit, principal=principal)

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _verified(self, der: bytes) -> Verified:
        key = hashlib.sha256(der).hexdigest()
        verified = self._certificates.get(key)
        if verified is None:
            verified = await self._database.query(verify, self._tenant, der)
            self._certificates.put(key, verified)
        if verified.outdated is not None:
            raise Refused(verified.outdated, fingerprint=key, principal=verified.row.id)
        return verified

    def _end_session(self, connection: Connection, cookie: str) -> None:
        principal = sessions.end(connection, cookie)
        if principal is not None:
            self._write_all(
                connection, [Act(principal=principal, action="access:sign_out", resource=principal, outcome="done")]
            )

    def _write_all(self, connection: Connection, acts: list[Act]) -> None:
        for act in acts:
            audit.write(connection, self._tenant, act)

    async def _touch(self, session: str, seen: int) -> None:
        now = clock.now_us()
        if abs(now - seen) >= sessions.SEEN_EVERY_US:
            self._remember_use(session, now)
            await self._database.write(sessions.touch, session, now)

    async def _note_use(self, row: Row[Any]) -> None:
        now = clock.now_us()
        if abs(now - self._last_use(row.token, row.used or 0)) >= tokens.USED_EVERY_US:
            self._remember_use(row.token, now)
            await self._database.write(tokens.note_use, row.token, now)

    def _last_use(self, key: str, stored: int) -> int:
        return max(stored, self._used.get(key, 0))

    def _remember_use(self, key: str, now: int) -> None:
        # Before the write is awaited, so that requests arriving meanwhile do not write it too.
        if len(self._used) >= _REMEMBERED:
            self._used.clear()
        self._used[key] = now


class _Believed(Generic[V]):
    """What was verified lately, by digest; bounded, the least recent goes first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, key: str) -> V | None:
        entry = self._entries.get(key)
        if entry is None or clock.monotonic() - entry[0] > BELIEVED_SECONDS:
            self._entries.pop(key, None)
            return None
        return entry[1]

    def put(self, key: str, value: V) -> None:
        self._entries[key] = (clock.monotonic(), value)
        self._entries.move_to_end(key)
        while len(self._entries) > _REMEMBERED:
            self._entries.popitem(last=False)

    def drop(self, key: str) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()
