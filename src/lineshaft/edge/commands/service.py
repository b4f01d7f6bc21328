"""Commands as `web` runs them: recorded, decided, approved, sent to the gateway in time, and followed to their end."""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Any, Final

import msgspec

from lineshaft.access.model import Member
from lineshaft.access.roles import actions_of
from lineshaft.bus import Bus
from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    LineshaftError,
    TooMany,
    Unavailable,
)
from lineshaft.core.principals import Decision, Principal
from lineshaft.edge.commands import store
from lineshaft.edge.commands.checks import check_value, digest, find_point, rules_of
from lineshaft.edge.commands.messages import Cancel, Execute, Outcome, Standing
from lineshaft.edge.commands.model import LONGEST_LEASE_SECONDS, Command, Lease, Step, Value
from lineshaft.edge.commands.store import Stored
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.model import Device
from lineshaft.edge.store import StoredDevice
from lineshaft.edge.tasks import end
from lineshaft.records import Database

APPROVAL_SECONDS: Final = 900
"""How long a command waits for a second person."""
LONGEST_SECONDS: Final = 3600.0
"""Longest expiry."""
LONGEST_WAIT_SECONDS: Final = 60.0
OPEN_AT_ONCE: Final = 20
"""Commands of one principal that may wait for a second person."""
DENIED_IN_A_MINUTE: Final = 60
"""Denied commands of one principal after which no more of theirs are taken before a minute is over."""
RESOLVE_SECONDS: Final = 60.0
"""How long after its expiry a gateway is asked what became of a command."""
_MARGIN_SECONDS: Final = 15.0
"""What the machine's answer, disks and the bus may take beside the read-back."""
_AGAIN_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 1.0
_LAPSE_SECONDS: Final = 60.0
"""How long one that waits may go unseen: other processes record commands too."""
_TELL_SECONDS: Final = 10.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody commands."""

    device: Device
    gateway: str
    point: str
    value: Value
    reason: str
    expiry_seconds: float | None
    """None: as long as the point's rules say."""


class Commands:
    """The commands of one tenant."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._tenant = bus.subjects.tenant
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._withdrawn: dict[str, str] = {}
        """Names of those who withdrew commands that their gateway has not heard of."""
        self._lapsing: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        """One more waits for a second person."""
        self._log = logs.get("edge")

    # -- what is asked of it -----------------------------------------------------------------------------------------------

    async def submit(self, principal: Principal, wanted: Wanted, decision: Decision, key: str | None) -> Command:
        """Record a command and, unless it waits for a second person, send it; returns before it is executed.

        Args:
            key: the same for a repetition, which gives the command of before.

        Raises:
            InvalidInput, Unprocessable: the value cannot be. NotFound, Conflict: the point cannot be written, or the
            device is somebody else's alone. TooMany: too many of theirs wait, or were denied within a minute.
        """
        _, point = find_point(wanted.device, wanted.point)
        check_value(wanted.device.name, point, wanted.value)
        rules = rules_of(point)
        seconds = _check_seconds(rules.expiry_seconds if wanted.expiry_seconds is None else wanted.expiry_seconds)
        waits = rules.classification == "A"
        now = clock.now_us()
        first = Step(state="requested", time=now, by=principal.name)
        steps = (first,) if waits else (first, Step(state="authorised", time=now, by=principal.name))
        expires = now + round((APPROVAL_SECONDS if waits else seconds) * clock.MICROSECONDS)
        command = Command(
            id=ids.new_id(), device=wanted.device.name, point=point.name, gateway=wanted.gateway, value=wanted.value,
            reason=wanted.reason, principal=principal.id, name=principal.name, decision=decision.id,
            classification=rules.classification, approver="", state=steps[-1].state, settled=False, created=now,
            expires=expires, expiry_seconds=seconds, steps=steps,
        )  # fmt: skip
        new = Stored(command=command, asker=_asker(principal), approver="", stands=digest(wanted.device, point))
        stored = await self._db.write(self._add, new, key)
        self._news.set()
        if stored.command.state == "authorised" and not stored.command.settled:
            self._follow(stored, rules.verify_seconds)
        return stored.command

    async def check(self, principal: Principal, wanted: Wanted) -> Outcome:
        """What would become of a command, which is neither recorded nor executed.

        Raises: as `submit`; Unavailable: the gateway is away.
        """
        _, point = find_point(wanted.device, wanted.point)
        check_value(wanted.device.name, point, wanted.value)
        await self._db.query(store.check_lease, self._tenant, wanted.device.name, principal.id)
        asked = Execute(
            command=ids.new_id(), device=wanted.device.name, point=point.name, value=wanted.value,
            principal=_asker(principal), expires=clock.now_us() + 5 * clock.MICROSECONDS, seconds=5.0, dry_run=True,
            standing=await self._standing(wanted.device.name), stands=digest(wanted.device, point),
        )  # fmt: skip
        return await self._bus.request("edge", "command", asked, Outcome, timeout=10.0, gateway=wanted.gateway)

    async def get(self, command: str, *, wait: float = 0.0, projects: Collection[str] | None = None) -> Command:
        """One command; waits until it is settled, at most `wait` seconds.

        Raises:
            NotFound: there is none.
        """
        deadline = clock.monotonic() + min(LONGEST_WAIT_SECONDS, wait)  # in this order also for nan
        while True:
            found = (await self._db.query(store.get, self._tenant, command, projects=projects)).command
            left = deadline - clock.monotonic()
            if found.settled or left <= 0:
                return found
            task = self._sending.get(command)
            if task is not None:
                await asyncio.wait([task], timeout=left)
            else:  # it waits for somebody, or another process follows it
                await asyncio.sleep(min(left, _LOOK_SECONDS))

    async def list(
        self, *, device: str = "", state: str = "", before: tuple[int, str] | None = None, limit: int = 100,
        projects: Collection[str] | None = None,
    ) -> list[Command]:  # fmt: skip
        """Commands, of these projects or of any, newest first, without their steps."""
        return await self._db.query(
            store.newest, self._tenant, device=device, state=state, before=before, limit=limit, projects=projects
        )

    async def approve(self, principal: Principal, command: str, asker: Member, stands: StoredDevice) -> Command:
        """As the second person, let a command be executed; it is sent at once.

        Args:
            asker: who asked, as they are now.
            stands: the device, as it is configured now.

        Raises:
            Forbidden: one's own, or not a person. Conflict: it waits for nobody, or no longer; or what was asked for is
                not what would be done now.
        """
        found = (await self._db.query(store.get, self._tenant, command)).command
        _check_second(principal, found)
        now = clock.now_us()
        if now > found.expires and found.state == "requested":
            await self._lapse(found)
        else:
            _check_unchanged(found, asker, stands)
        step = Step(state="authorised", time=now, by=principal.name)
        expires = now + round(found.expiry_seconds * clock.MICROSECONDS)
        stored = await self._db.write(
            store.advance, self._tenant, command, step, principal=principal.id, approver=(principal.id, principal.name),
            expires=expires,
        )  # fmt: skip
        self._follow(stored, _MARGIN_SECONDS)
        return stored.command

    async def refuse(self, principal: Principal, command: str, reason: str) -> Command:
        """As the second person, refuse a command that waits for one.

        Raises:
            Forbidden: one's own, or not a person. Conflict: it waits for nobody.
        """
        found = (await self._db.query(store.get, self._tenant, command)).command
        _check_second(principal, found)
        error = Conflict(
            "edge.command_refused", f"{principal.name} refused it: {reason}", "Talk to them.", name=principal.name,
            reason=reason,
        )  # fmt: skip
        step = Step.refused("cancelled", error, principal.name)
        stored = await self._db.write(
            store.advance, self._tenant, command, step, principal=principal.id, settled=True
        )  # fmt: skip
        return stored.command

    async def cancel(self, principal: Principal, command: str) -> Command:
        """Withdraw a command in every state before it is executed: the gateway says whether it was in time.

        Raises:
            Conflict: it is being written, or over. Unavailable, DeadlineExceeded: the gateway does not say.
        """
        found = (await self._db.query(store.get, self._tenant, command)).command
        if found.state != "authorised" or found.settled:
            step = Step(state="cancelled", time=clock.now_us(), by=principal.name)
            stored = await self._db.write(
                store.advance, self._tenant, command, step, principal=principal.id, settled=True
            )  # fmt: skip
            return stored.command
        await self._db.write(store.note_cancel, self._tenant, found, principal.id, principal.name)
        asked = Cancel(command=command, by=principal.name)
        try:
            outcome = await self._bus.request(
                "edge", "cancel", asked, Outcome, timeout=_TELL_SECONDS, gateway=found.gateway
            )
        except Unavailable as error:
            if error.code != "bus.gateway_away" or command not in self._sending:
                raise
            self._withdrawn[command] = principal.name  # it was never sent, or the gateway says later what became of it
            return await self.get(command, wait=_TELL_SECONDS)
        return (await self._db.write(store.settle, self._tenant, outcome)).command

    async def lease(self, principal: Principal, device: str, gateway: str, seconds: int) -> Lease:
        """Have a device to oneself; again: for longer. Its gateway keeps to it, whoever writes there.

        Raises:
            Conflict: somebody else has it. Unavailable, DeadlineExceeded: the gateway cannot be told; nobody has it then.
        """
        if not 1 <= seconds <= LONGEST_LEASE_SECONDS:
            raise InvalidInput(
                "edge.lease_invalid", f"a lease of {seconds} seconds is not possible", f"It lasts 1 to {LONGEST_LEASE_SECONDS} s.",
                field="seconds", value=seconds, maximum=LONGEST_LEASE_SECONDS,
            )  # fmt: skip
        now = clock.now_us()
        lease = Lease(
            device=device, principal=principal.id, name=principal.name, taken=now,
            until=now + seconds * clock.MICROSECONDS,
        )  # fmt: skip
        before = await self._db.write(store.take_lease, self._tenant, lease)
        try:
            await self._tell(gateway, Standing(device=device, known=now, lease=lease))
        except LineshaftError:
            await self._db.write(store.put_back, self._tenant, lease, before)
            raise
        return lease

    async def give_back(self, principal: Principal, device: str, gateway: str) -> None:
        """End one's lease; an administrator also ends another's. A gateway that is away learns it with the next command."""
        whoever = "administrator" in principal.roles
        await self._db.write(store.give_back, self._tenant, device, principal.id, whoever=whoever)
        try:
            await self._tell(gateway, Standing(device=device, known=clock.now_us()))
        except LineshaftError as error:
            self._log.warning("edge_lease_end_not_told", device=device, gateway=gateway, code=error.code)

    # -- running --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Go on with what was under way when the process ended: the gateway says what became of it."""
        for stored in await self._db.query(store.unsettled, self._tenant):
            if stored.command.state == "authorised":
                self._follow(stored, _MARGIN_SECONDS, again=True)
        self._lapsing = asyncio.create_task(self._keep_lapsing(), name="commands that nobody approves")

    async def stop(self) -> None:
        """Leave what is under way to the next start."""
        await end(self._lapsing, *self._sending.values())

    async def _standing(self, device: str) -> Standing:
        """Who has a device alone, as of now."""
        now = clock.now_us()
        lease = await self._db.query(store.lease_of, self._tenant, device)
        return Standing(device=device, known=now if lease is None else max(now, lease.taken), lease=lease)

    async def _tell(self, gateway: str, standing: Standing) -> None:
        await self._bus.request("edge", "lease", standing, None, timeout=_TELL_SECONDS, gateway=gateway)

    async def _keep_lapsing(self) -> None:
        """Have what nobody approved in time expire, whether anybody looks or not."""
        while True:
            self._news.clear()
            try:
                following = await self._lapse_overdue()
            except Exception:  # noqa: BLE001  # the boundary of a task that must go on: a database comes back
                self._log.exception("edge_commands_not_lapsed")
                following = None
            left = _LAPSE_SECONDS
            if following is not None:
                left = min(left, max(following - clock.now_us(), 0) / clock.MICROSECONDS + _AGAIN_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    async def _lapse_overdue(self) -> int | None:
        """When the next one is overdue, microseconds UTC; None where none waits."""
        overdue, following = await self._db.query(store.overdue, self._tenant)
        for command in overdue:
            with contextlib.suppress(Conflict):  # somebody was quicker
                await self._lapse(command)
        return following

    def _add(self, connection: Any, stored: Stored, key: str | None) -> Stored:
        self._check_denied(connection, stored.command)
        if stored.command.state == "requested":
            count = store.count_open(connection, self._tenant, stored.command.principal)
            if count >= OPEN_AT_ONCE:
                raise TooMany(
                    "edge.commands_waiting", f"{count} commands of yours wait for a second person already",
                    "Let them be approved, or cancel them.", count=count, maximum=OPEN_AT_ONCE,
                )  # fmt: skip
        return store.add(connection, self._tenant, stored, key)

    def _check_denied(self, connection: Any, command: Command) -> None:
        since = command.created - 60 * clock.MICROSECONDS
        count = store.count_denied(connection, self._tenant, command.principal, since)
        if count >= DENIED_IN_A_MINUTE:
            raise TooMany(
                "edge.commands_denied", f"{count} commands of yours were denied within the last minute",
                "See why with `lineshaft command list --state denied`, and wait a minute.", count=count,
                maximum=DENIED_IN_A_MINUTE,
            )  # fmt: skip

    async def _lapse(self, command: Command) -> None:
        """Nobody approved it in time."""
        error = DeadlineExceeded(
            "edge.command_not_approved", "nobody approved it in time", "Command again where it is still wanted."
        )
        step = Step.refused("expired", error, command.name)
        await self._db.write(store.advance, self._tenant, command.id, step, principal=command.principal, settled=True)

    def _follow(self, stored: Stored, verify_seconds: float, *, again: bool = False) -> None:
        command = stored.command.id
        if command in self._sending:
            return
        task = asyncio.create_task(self._carry_out(stored, verify_seconds, again=again), name=f"command {command}")
        self._sending[command] = task
        task.add_done_callback(lambda _: self._forget(command))

    def _forget(self, command: str) -> None:
        self._sending.pop(command, None)
        self._withdrawn.pop(command, None)

    async def _carry_out(self, stored: Stored, verify_seconds: float, *, again: bool) -> None:
        """Send a command until the gateway says what became of it, and record that."""
        try:
            outcome = await self._ask(stored, verify_seconds, again=again)
            await self._db.write(store.settle, self._tenant, outcome)
        except Exception:  # noqa: BLE001  # it stays unsettled: the next start asks the gateway again
            self._log.exception("edge_command_not_followed", command=stored.command.id)

    async def _ask(self, stored: Stored, verify_seconds: float, *, again: bool) -> Outcome:
        """Ask the gateway; asked again it answers the same, and after the expiry it begins nothing.

        Args:
            again: another process may have asked already.
        """
        command = stored.command
        ambiguous = again
        while True:
            left = (command.expires - clock.now_us()) / clock.MICROSECONDS
            if command.id in self._withdrawn and not ambiguous:
                step = Step(state="cancelled", time=clock.now_us(), by=self._withdrawn[command.id])
                return Outcome(command=command.id, steps=(step,))
            asked = Execute(
                command=command.id, device=command.device, point=command.point, value=command.value,
                principal=stored.asker, approver=stored.approver, reason=command.reason, expires=command.expires,
                seconds=max(left, 0.0), standing=await self._standing(command.device), stands=stored.stands,
            )  # fmt: skip
            try:
                timeout = max(left, 0.0) + verify_seconds + _MARGIN_SECONDS
                return await self._bus.request(
                    "edge", "command", asked, Outcome, timeout=timeout, gateway=command.gateway
                )
            except LineshaftError as error:
                away = isinstance(error, Unavailable) and error.code == "bus.gateway_away"
                ambiguous = ambiguous or not away
                if left <= 0 and (not ambiguous or left < -RESOLVE_SECONDS):
                    return self._unheard(command, error, ambiguous=ambiguous)
            await asyncio.sleep(_AGAIN_SECONDS)

    @staticmethod
    def _unheard(command: Command, error: LineshaftError, *, ambiguous: bool) -> Outcome:
        """What is to be said of a command whose gateway has not answered."""
        step = Step.refused("indeterminate" if ambiguous else "expired", error, command.gateway)
        return Outcome(command=command.id, steps=(step,))


def _asker(principal: Principal) -> GuardPrincipal:
    return GuardPrincipal(
        id=principal.id, name=principal.name, kind=principal.kind, roles=frozenset(principal.roles), zone=principal.zone
    )


def _check_second(principal: Principal, command: Command) -> None:
    if principal.id == command.principal or principal.kind != "person":
        raise Forbidden(
            "edge.command_own_approval", f"{principal.name} cannot be the second person for a command of {command.name}",
            "Another person approves it.", command=command.id, name=principal.name, asker=command.name,
        )  # fmt: skip


def _check_unchanged(command: Command, asker: Member, stands: StoredDevice) -> None:
    """What the second person saw must be what is done: the same device behind the names, asked by who still may ask."""
    if stands.changed > command.created or stands.gateway != command.gateway:
        reason = f"{command.device} was configured anew since"
    elif asker.revoked is not None or "edge:command" not in actions_of(frozenset(asker.roles)):
        reason = f"{command.name} may not command any more"
    else:
        return
    raise Conflict(
        "edge.command_outdated", f"the command {command.id} cannot be approved any more: {reason}",
        "Cancel it, and command again.", command=command.id, reason=reason,
    )  # fmt: skip


def _check_seconds(seconds: float) -> float:
    if not 0 < seconds <= LONGEST_SECONDS:
        raise InvalidInput(
            "edge.command_expiry_invalid", f"an expiry of {seconds:g} seconds is not possible",
            f"It is more than 0 and at most {LONGEST_SECONDS:g} seconds.", field="expiry_seconds", value=seconds,
            maximum=LONGEST_SECONDS,
        )  # fmt: skip
    return seconds
