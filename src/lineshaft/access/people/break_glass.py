"""The emergency account: normally disabled; a sealed one-time code opens it for a limited time, and sounds an alarm.

The code is shown once, to be kept on paper under seal, and stored as a digest. Its use makes an administrator of the
principal `break-glass` for `access.break_glass_minutes`; afterwards all that the account could prove itself with is
gone. The alarm stands, in `lineshaft status` too, until another administrator acknowledges it.
"""

import asyncio
import base64
import secrets
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from lineshaft.access import audit, principals, sessions
from lineshaft.access.administration import MANAGE, Administration
from lineshaft.access.audit import Act
from lineshaft.access.lockout import Lockout, normal_address
from lineshaft.access.model import Actor, SignedIn
from lineshaft.access.people import alarms
from lineshaft.access.people.admission import admit
from lineshaft.access.people.alarms import Alarm
from lineshaft.access.people.messages import BreakGlassState, NewBreakGlass, OfBreakGlass, UseBreakGlass
from lineshaft.access.people.store import BREAK_GLASS, PASSKEY
from lineshaft.access.secret_texts import digest
from lineshaft.access.settings import AccessSettings
from lineshaft.access.sign_in import SIGN_INS
from lineshaft.access.store import PASSWORD
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden, Unauthenticated
from lineshaft.core.health import Check
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Decision
from lineshaft.records import Database

NAME: Final = "break-glass"
_CODE_BYTES: Final = 20


class BreakGlass:
    """The emergency account of one installation."""

    def __init__(
        self, database: Database, subjects: Subjects, minter: HandleMinter, settings: AccessSettings,
        administration: Administration,
    ) -> None:  # fmt: skip
        self._database = database
        self._subjects = subjects
        self._tenant = subjects.tenant
        self._minter = minter
        self._settings = settings
        self._administration = administration
        self._lockout = Lockout(settings)
        self._state = BreakGlassState(state="none")
        self._tending = asyncio.Lock()

    # -- the code ---------------------------------------------------------------------------------------------------

    async def create(self, asked: OfBreakGlass) -> NewBreakGlass:
        """A new code; the one before, if unused, is void.

        Raises:
            Forbidden. Conflict: an alarm stands, or somebody else has the name.
        """
        decision = await self._administration.decide(asked.actor, MANAGE, NAME)
        made = await self._database.write(self._create, asked.actor, decision)
        await self.tend()
        return made

    def _create(self, connection: Connection, actor: Actor, decision: Decision) -> NewBreakGlass:
        if _alarming(connection, self._tenant) is not None:
            raise Conflict(
                "access.break_glass_unacknowledged", "the emergency code was used, and nobody has acknowledged that",
                "`lineshaft access break-glass acknowledge` first.",
            )  # fmt: skip
        now, code = clock.now_us(), base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
        open_ = (BREAK_GLASS.c.tenant == self._tenant, BREAK_GLASS.c.used.is_(None))
        connection.execute(update(BREAK_GLASS).where(*open_, BREAK_GLASS.c.withdrawn.is_(None)).values(withdrawn=now))
        principal = self._account(connection)
        connection.execute(
            insert(BREAK_GLASS).values(
                id=ids.new_id(), tenant=self._tenant, principal=principal, digest=digest(code), created=now,
                address="", acknowledged_by="",
            )
        )  # fmt: skip
        self._note(connection, actor, "access:break_glass_create", principal, decision)
        return NewBreakGlass(code="-".join(code[at : at + 4] for at in range(0, len(code), 4)), created=now)

    def _account(self, connection: Connection) -> str:
        """Handle of the account, made disabled where there is none."""
        known = connection.scalar(select(BREAK_GLASS.c.principal).where(BREAK_GLASS.c.tenant == self._tenant).limit(1))
        if known is not None:
            return str(known)
        made = principals.create(
            connection, self._minter, self._tenant, NAME, roles=frozenset({"administrator"}), attributes={NAME: "yes"}
        )
        principals.revoke(connection, self._tenant, made.id)
        return made.id

    # -- its use ----------------------------------------------------------------------------------------------------

    async def use(self, asked: UseBreakGlass) -> SignedIn:
        """Sign in by the code, which is used up, and sound the alarm.

        Raises:
            Unauthenticated: not the code. TooMany: too many wrong ones from this address.
        """
        address = normal_address(asked.address)
        limits = [self._lockout.address_limit(address)]
        await self._database.write(self._lockout.charge, limits)
        signed_in = await self._database.write(self._use, asked, address)
        SIGN_INS.labels("done" if signed_in else "refused").inc()
        if signed_in is None:
            raise Unauthenticated(
                "access.break_glass_refused", "the emergency code is not valid",
                "It is good once. `lineshaft access recover` on the machine itself always works.",
            )  # fmt: skip
        await self._database.write(self._lockout.forgive, limits)
        await self.tend()
        return signed_in

    def _use(self, connection: Connection, asked: UseBreakGlass, address: str) -> SignedIn | None:
        row = connection.execute(
            select(BREAK_GLASS).where(
                BREAK_GLASS.c.digest == digest(_plain(asked.code)), BREAK_GLASS.c.tenant == self._tenant,
                BREAK_GLASS.c.used.is_(None), BREAK_GLASS.c.withdrawn.is_(None),
            )
        ).one_or_none()  # fmt: skip
        if row is None:
            act = Act(
                principal="", action="access:break_glass", resource="", outcome="refused", facts={"address": address}
            )
            audit.write(connection, self._tenant, act)
            return None
        now = clock.now_us()
        ends = now + self._settings.break_glass_minutes * 60 * clock.MICROSECONDS
        connection.execute(
            update(BREAK_GLASS).where(BREAK_GLASS.c.id == row.id).values(used=now, ends=ends, address=address)
        )
        principals.reinstate(connection, row.principal)
        principals.set_roles(connection, self._tenant, row.principal, frozenset({"administrator"}))
        person = principals.from_row(principals.get_row(connection, self._tenant, row.principal))
        alarm = Alarm(what="break_glass", principal=person.id, name=person.name, address=address)
        alarms.announce(connection, self._subjects, alarm)
        return admit(
            connection, person, address, self._settings, "access:break_glass", previous=asked.previous, ends=ends,
            facts={"alarm": alarm.what, "ends": clock.rfc3339(ends)}, kind="alarm",
        )  # fmt: skip

    # -- afterwards -------------------------------------------------------------------------------------------------

    async def acknowledge(self, asked: OfBreakGlass) -> BreakGlassState:
        """End the alarm: somebody responsible knows of the use. The account itself ends at its own time.

        Raises:
            Forbidden: no administrator, or the emergency account itself. Conflict: there is no alarm.
        """
        decision = await self._administration.decide(asked.actor, MANAGE, NAME)
        await self._database.write(self._acknowledge, asked.actor, decision)
        return await self.tend()

    def _acknowledge(self, connection: Connection, actor: Actor, decision: Decision) -> None:
        row = _alarming(connection, self._tenant)
        if row is None:
            raise Conflict("access.break_glass_quiet", "there is no alarm to acknowledge", "Nothing needs to be done.")
        if row.principal == actor.id:
            raise Forbidden(
                "access.break_glass_own_alarm", "the emergency account cannot acknowledge its own alarm",
                "Another administrator can, or `lineshaft access break-glass acknowledge` on the machine itself.",
            )  # fmt: skip
        values = {"acknowledged": clock.now_us(), "acknowledged_by": actor.id}
        connection.execute(update(BREAK_GLASS).where(BREAK_GLASS.c.id == row.id).values(values))
        self._note(connection, actor, "access:break_glass_acknowledge", row.principal, decision)

    async def tend(self) -> BreakGlassState:
        """Disable the account when its time is over; returns how it stands now."""
        async with self._tending:  # an older look must not overtake a newer one
            self._state, overdue = await self._database.query(self._look)
            if overdue is not None:
                await self._database.write(self._disable, overdue)
            return self._state

    def check(self) -> Check:
        """Not well from the code's use until somebody acknowledges it."""
        if self._state.state not in ("in_use", "used"):
            return Check(name="break_glass", ok=True)
        when = clock.rfc3339(self._state.used or 0)
        return Check(
            name="break_glass", ok=False, detail=f"the emergency code was used at {when} from {self._state.address}",
            hint="See `lineshaft audit search break-glass`, then `lineshaft access break-glass acknowledge`.",
        )  # fmt: skip

    def _look(self, connection: Connection) -> tuple[BreakGlassState, str | None]:
        """The state, and the handle of an account that is enabled and should not be."""
        found = state(connection, self._tenant)
        known = connection.scalar(select(BREAK_GLASS.c.principal).where(BREAK_GLASS.c.tenant == self._tenant).limit(1))
        if known is None or _running(connection, self._tenant):
            return found, None
        enabled = principals.get_row(connection, self._tenant, known).revoked is None
        return found, known if enabled else None

    def _disable(self, connection: Connection, principal: str) -> None:
        if _running(connection, self._tenant):
            return
        # What it gave itself meanwhile goes first: with a password it could be the last administrator, who stays.
        connection.execute(delete(PASSWORD).where(PASSWORD.c.principal == principal))
        connection.execute(delete(PASSKEY).where(PASSKEY.c.principal == principal))
        sessions.end_all(connection, principal)
        principals.revoke(connection, self._tenant, principal)
        act = Act(principal=principal, action="access:break_glass_end", resource=principal, outcome="done")
        audit.write(connection, self._tenant, act)

    def _note(self, connection: Connection, actor: Actor, action: str, resource: str, decision: Decision) -> None:
        act = Act(principal=actor.id, action=action, resource=resource, outcome="done", decision=decision.id)
        audit.write(connection, self._tenant, act)


def state(connection: Connection, tenant: str) -> BreakGlassState:
    """How the emergency code stands; an alarm that stands comes before a newer code."""
    newest = (
        select(BREAK_GLASS)
        .where(BREAK_GLASS.c.tenant == tenant, BREAK_GLASS.c.withdrawn.is_(None))
        .order_by(BREAK_GLASS.c.created.desc(), BREAK_GLASS.c.id.desc())
        .limit(1)
    )
    row = _alarming(connection, tenant) or connection.execute(newest).one_or_none()
    if row is None:
        return BreakGlassState(state="none")
    if row.used is None:
        word = "sealed"
    elif row.acknowledged is not None:
        word = "acknowledged"
    else:
        word = "in_use" if _runs(row) else "used"
    return BreakGlassState(
        state=word, created=row.created, used=row.used, ends=row.ends, address=row.address,
        acknowledged=row.acknowledged,
    )  # fmt: skip


def _alarming(connection: Connection, tenant: str) -> Row[Any] | None:
    return connection.execute(
        select(BREAK_GLASS)
        .where(
            BREAK_GLASS.c.tenant == tenant, BREAK_GLASS.c.used.is_not(None), BREAK_GLASS.c.acknowledged.is_(None)
        )
        .limit(1)
    ).one_or_none()  # fmt: skip


def _running(connection: Connection, tenant: str) -> bool:
    """Whether a use is within its time."""
    used = select(BREAK_GLASS).where(BREAK_GLASS.c.tenant == tenant, BREAK_GLASS.c.used.is_not(None))
    return any(_runs(row) for row in connection.execute(used))


def _runs(row: Row[Any]) -> bool:
    return bool(row.used - sessions.AHEAD_US <= clock.now_us() < row.ends)


def _plain(code: str) -> str:
    """A code as it was made: people type it in small letters, with blanks."""
    return "".join(code.split()).replace("-", "").upper()
