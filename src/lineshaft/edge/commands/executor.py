"""Carries out commands at the gateway: checks, persists, writes, reads back; each command at most once.

known id -> its known answer
checks -> denied | expired            nothing was written
persist "armed"                       from here on a crash leaves "indeterminate", never a second write
checks again -> denied | expired      what may have changed meanwhile: device, lease, interlock
withdrawn so far -> cancelled
write -> failed | indeterminate
read back -> verified | failed
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec

from lineshaft.core import clock, logs, quality
from lineshaft.core.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    LineshaftError,
    NotFound,
    Unavailable,
    Unprocessable,
)
from lineshaft.edge.board import Board
from lineshaft.edge.commands.checks import agrees, check_value, digest, find_point, rules_of
from lineshaft.edge.commands.conditions import Conditions, Fresh
from lineshaft.edge.commands.denied import DeniedCommands
from lineshaft.edge.commands.journal import Journal
from lineshaft.edge.commands.leases import Leases
from lineshaft.edge.commands.messages import Cancel, Execute, Outcome, Standing
from lineshaft.edge.commands.model import State as CommandState
from lineshaft.edge.commands.model import Step, Value
from lineshaft.edge.commands.overlaid import OverlaidPoints
from lineshaft.edge.driver import Write, Writer, Written
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Point
from lineshaft.edge.tasks import end

T = TypeVar("T")
WRITE_SECONDS: Final = 10.0
"""How long a machine may take to answer."""
_LOOK_SECONDS: Final = 0.05
_LONGEST_LOOK_SECONDS: Final = 1.0
MOST_WAITING: Final = 32
"""Commands that may wait for one device."""


class Admits(Protocol):
    """The guard, as far as commands need it."""

    def check(self, operations: Sequence[Operation], principal: GuardPrincipal, state: State) -> Sequence[Verdict]:
        """What it says of each operation."""


class Machine(Fresh, Protocol):
    """A running device, as far as commands need it."""

    @property
    def writer(self) -> Writer | None:
        """Its source, where that can write."""

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Write over the connection that is there.

        Raises:
            Unavailable: nothing was sent.
        """

    async def read_back(self, point: int) -> bool:
        """Ask the device for the point's value, for the board; False where the device tells values by itself only."""


class Executor:
    """The commands of one gateway.

    Args:
        machine: the running device of a name.
        gateway: this gateway's name.
        leases: what it knows of them.
        tell: told of every command that was denied and is in no journal.
        conditions: shared with whoever else writes to these devices, so that rates hold for all together.
        overlaid: knows the other points that a write touches; None: those of the device itself only.
    """

    def __init__(
        self, machine: Callable[[str], Machine | None], board: Board, journal: Journal, guard: Callable[[], Admits | None],
        gateway: str, *, leases: Leases | None = None, tell: Callable[[Execute, Outcome], None] | None = None,
        conditions: Conditions | None = None, overlaid: OverlaidPoints | None = None,
    ) -> None:  # fmt: skip
        self._machine = machine
        self._board = board
        self._journal = journal
        self._guard = guard
        self._gateway = gateway
        self._conditions = conditions or Conditions(board, machine)
        self._leases = leases or Leases()
        self._overlaid = overlaid or OverlaidPoints(self._conditions, self._leases, board)
        self._denied = DeniedCommands()
        self._tell = tell
        self._withdrawn: dict[str, Outcome] = {}
        """What became of commands under way that somebody withdrew."""
        self._writing: set[str] = set()
        """Commands that can no longer be withdrawn."""
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._log = logs.get("edge")

    async def execute(self, asked: Execute) -> Outcome:
        """Carry out a command, or give the answer it has had already."""
        received = clock.monotonic()
        if asked.standing is not None:
            await self.learn_lease(asked.standing)
        known = self._journal.known(asked.command) or self._denied.known(asked.command)
        if known is not None and known.settled:
            return known
        task = self._running.get(asked.command)
        if task is None and known is not None:  # it ended by a fault of ours after it was armed: never a second time
            return await self._end(known, "indeterminate", detail="the gateway failed while it carried it out")
        if task is None:
            task = asyncio.create_task(self._run(asked, received), name=f"command {asked.command}")
            if not asked.dry_run:
                self._running[asked.command] = task
                task.add_done_callback(lambda _: self._forget(asked.command))
        return await asyncio.shield(task)

    async def cancel(self, asked: Cancel) -> Outcome:
        """Withdraw a command in every state before it is executed; what became of it, where that is over already.

        One that has not come yet is not carried out when it comes.

        Raises:
            Conflict: it is being written. Unavailable: the disk does not take the withdrawal.
        """
        known = self._withdrawn.get(asked.command) or self._journal.known(asked.command)
        if known is not None and known.settled:
            return known
        under_way = asked.command in self._running
        if asked.command in self._writing or (known is not None and not under_way):
            raise Conflict(
                "edge.command_gone_on", f"the command {asked.command} is being written by now", "See what became of it.",
                command=asked.command, state="armed",
            )  # fmt: skip
        steps = () if known is None else known.steps
        step = Step(state="cancelled", time=clock.now_us(), by=asked.by)
        outcome = Outcome(command=asked.command, steps=(*steps, step), before=known.before if known else None)
        if under_way:
            self._withdrawn[asked.command] = outcome  # from now on: the disk may take its time
        await asyncio.to_thread(self._journal.keep, outcome)
        return outcome

    async def learn_lease(self, standing: Standing) -> None:
        """Learn who has a device alone. Where the disk does not take it, it holds until the gateway stops."""
        if self._leases.adopt(standing):
            try:
                await asyncio.to_thread(self._leases.keep)
            except OSError as error:
                self._log.error("edge_leases_not_kept", message=str(error))

    @property
    def denied_unkept(self) -> int:
        """Denied commands that no journal has."""
        return self._denied.counted

    async def close(self, seconds: float) -> None:
        """Let what is under way end; what has not by then is indeterminate at the next start."""
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=seconds)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # -- one command ----------------------------------------------------------------------------------------------------

    async def _run(self, asked: Execute, received: float) -> Outcome:
        deadline = received + asked.seconds
        try:
            lock = self._lock(asked.device)
        except LineshaftError as error:
            return await self._refused(asked, error)
        try:
            async with lock:
                withdrawn = self._withdrawn.get(asked.command)
                return withdrawn or await self._alone(asked, deadline)
        finally:
            self._waiting[asked.device] -= 1

    def _forget(self, command: str) -> None:
        """It is over."""
        self._running.pop(command, None)
        self._withdrawn.pop(command, None)
        self._writing.discard(command)

    async def _alone(self, asked: Execute, deadline: float) -> Outcome:
        """With the device to itself."""
        try:
            self._check_expiry(asked, deadline)
            machine, index, point = self._find(asked)
            before = self._board.get(f"{asked.device}/{asked.point}")
            present = None if before is None or not quality.is_good(before.q) else before.value
            self._check(asked, machine, index, point)
        except LineshaftError as error:
            return await self._refused(asked, error)
        armed = Outcome(command=asked.command, steps=(self._step("armed"),), before=present, settled=False)
        if asked.dry_run:
            return armed
        try:
            await asyncio.to_thread(self._journal.keep, armed)
        except LineshaftError as error:
            return Outcome(command=asked.command, steps=(self._step("denied", error),), before=present)
        try:
            self._check_still(asked, deadline, machine, index, point)
        except LineshaftError as error:
            return await self._end(armed, "expired" if isinstance(error, DeadlineExceeded) else "denied", error)
        withdrawn = self._withdrawn.get(asked.command)
        if withdrawn is None:
            self._writing.add(asked.command)
            return await self._write(asked, armed, machine, index, point)
        return await self._keep(withdrawn)  # behind "armed", which may have come later

    async def _write(self, asked: Execute, armed: Outcome, machine: Machine, index: int, point: Point) -> Outcome:
        self._conditions.note_written(asked.device, point)
        self._overlaid.note_written(machine.device, point)
        try:
            (written,) = await _within(WRITE_SECONDS, machine.write([Write(index, asked.value)]))
        except Unavailable as error:
            return await self._end(armed, "failed", error)
        except Exception as error:  # noqa: BLE001  # nobody knows how far it had come
            if not isinstance(error, TimeoutError | ConnectionError):
                self._log.exception("edge_write_failed", device=asked.device, point=asked.point)
            detail = str(error) or f"the machine did not answer in {WRITE_SECONDS:g} s"
            return await self._end(armed, "indeterminate", detail=detail)
        return await self._answered(asked, msgspec.structs.replace(armed, q=written.q), written, machine, index)

    async def _answered(
        self, asked: Execute, armed: Outcome, written: Written, machine: Machine, index: int
    ) -> Outcome:  # fmt: skip
        if written.lost:
            return await self._end(armed, "indeterminate", detail=written.detail or "the machine's answer was lost")
        if not quality.is_good(written.q):
            words = quality.name(written.q) + (f", {written.detail}" if written.detail else "")
            return await self._end(armed, "failed", Unprocessable(
                "edge.command_machine_refused", f"the machine refused it: {words}", "See what the machine's manual says of it.",
                words=words,
            ))  # fmt: skip
        executed = msgspec.structs.replace(armed, steps=(*armed.steps, self._step("executed", detail=written.detail)))
        point = machine.device.points[index]
        if point.access == "write":
            return await self._keep(msgspec.structs.replace(executed, settled=True))
        await self._keep(executed)
        return await self._verify(asked, executed, machine, index, point)

    async def _verify(self, asked: Execute, executed: Outcome, machine: Machine, index: int, point: Point) -> Outcome:
        """Wait until the value read back is the one written."""
        seconds = rules_of(point).verify_seconds
        deadline, pause, name = clock.monotonic() + seconds, _LOOK_SECONDS, f"{asked.device}/{asked.point}"
        read: Value | None = None
        news = asyncio.Event()
        slot = int(self._board.slots([name])[0])
        forget = self._board.listen(lambda slots, *_: news.set() if slot in slots else None)
        trouble = "no value was read back"
        try:
            while True:
                news.clear()
                left = max(deadline - clock.monotonic(), 0.001)
                trouble = await self._read_back(machine, index, left) or trouble
                sample = self._board.sample(slot)
                if sample is not None and quality.is_good(sample.q) and not machine.stale(index):
                    read, trouble = sample.value, f"{sample.value} was read back"
                    if agrees(point, asked.value, read):
                        return await self._end(msgspec.structs.replace(executed, read=read), "verified")
                left = deadline - clock.monotonic()
                if left <= 0:
                    break
                await _heard(news, min(pause, left))
                pause = min(2 * pause, _LONGEST_LOOK_SECONDS)
        finally:
            forget()
        error = Unprocessable(
            "edge.command_not_verified", f"not {asked.value} within {seconds:g} s after the machine took it: {trouble}",
            "Look at the machine: something else may write there, or the value takes longer.", value=asked.value,
            seconds=f"{seconds:g}", trouble=trouble,
        )  # fmt: skip
        return await self._end(msgspec.structs.replace(executed, read=read), "failed", error)

    async def _read_back(self, machine: Machine, index: int, seconds: float) -> str:
        """Have the board learn the present value; why it could not be read, empty where it was."""
        try:
            await _within(seconds, machine.read_back(index))
        except (LineshaftError, TimeoutError, ConnectionError) as error:
            return str(error) or "the read-back was not answered"
        return ""

    # -- checks ---------------------------------------------------------------------------------------------------------

    def _find(self, asked: Execute) -> tuple[Machine, int, Point]:
        machine = self._machine(asked.device)
        if machine is None:
            raise NotFound(
                "edge.command_device_not_run", f"the gateway {self._gateway!r} does not run the device {asked.device!r}",
                "Its configuration may not have arrived yet, or was refused: `lineshaft device status` shows it.",
                device=asked.device, gateway=self._gateway,
            )  # fmt: skip
        index, point = find_point(machine.device, asked.point)
        return machine, index, point

    def _check_still(self, asked: Execute, deadline: float, machine: Machine, index: int, point: Point) -> None:
        """What may have changed while the disk took its time. Nothing is awaited between this and the write."""
        self._check_expiry(asked, deadline)
        if self._machine(asked.device) is not machine or machine.device.points[index] is not point:
            raise self._outdated(asked)
        self._check_lease(asked)
        self._conditions.check_fresh(machine, index)
        self._conditions.check_interlock(asked.device, point)
        self._overlaid.check_still(machine.device, point, asked.principal.id)

    def _check_lease(self, asked: Execute) -> None:
        """Refuse where somebody else has the device, and what was asked under a lease that is over."""
        self._leases.check(asked.device, asked.principal.id)
        lease = asked.standing.lease if asked.standing is not None else None
        if lease is not None and lease.principal != asked.principal.id:
            return  # known to be over: a newer word came
        if lease is not None and self._leases.of(asked.device) is None:
            raise Conflict(
                "edge.lease_over", f"the lease of {asked.device!r} under which this was asked is over",
                "Take it anew, and command again.", device=asked.device,
            )  # fmt: skip

    def _outdated(self, asked: Execute) -> Conflict:
        return Conflict(
            "edge.command_point_changed",
            f"{asked.device}/{asked.point} is configured otherwise at the gateway {self._gateway!r} than when this was asked",
            "Wait until the gateway has its newest configuration (`lineshaft device status`), and command again.",
            device=asked.device, point=asked.point, gateway=self._gateway,
        )  # fmt: skip

    def _check(self, asked: Execute, machine: Machine, index: int, point: Point) -> None:
        writer = machine.writer
        if writer is None:
            raise Conflict(
                "edge.driver_cannot_write", f"the driver {machine.device.driver!r} cannot write",
                "Command the machine another way.", driver=machine.device.driver, device=asked.device,
            )  # fmt: skip
        if asked.stands and asked.stands != digest(machine.device, point):
            raise self._outdated(asked)
        check_value(asked.device, point, asked.value)
        self._check_second_person(asked, point)
        self._check_lease(asked)
        self._conditions.check_fresh(machine, index)
        self._conditions.check_rate(asked.device, point, asked.value, self._board.get(f"{asked.device}/{asked.point}"))
        self._conditions.check_interlock(asked.device, point)
        self._overlaid.check(machine.device, point, asked.value, asked.principal.id, approved=bool(asked.approver))
        self._check_guard(asked, point, writer.operations([Write(index, asked.value)]))

    def _check_second_person(self, asked: Execute, point: Point) -> None:
        if asked.dry_run:  # it asks what would become of the command once somebody has approved it
            return
        if rules_of(point).classification == "A" and asked.approver in ("", asked.principal.id):
            raise Forbidden(
                "edge.command_unapproved", f"{asked.device}/{asked.point} is of class A, and no second person has approved",
                "Another person approves it: `lineshaft command approve ID`.", device=asked.device, point=asked.point,
            )  # fmt: skip

    def _check_guard(self, asked: Execute, point: Point, operations: Sequence[Operation]) -> None:
        guard = self._guard()
        if guard is None:
            raise Forbidden(
                "edge.command_unguarded", f"the gateway {self._gateway!r} has no guard that could admit it",
                "See its log for why the guard did not start; nothing is written until it has.", gateway=self._gateway,
            )  # fmt: skip
        approved = bool(asked.approver) or (asked.dry_run and rules_of(point).classification == "A")
        state = State(approvals=1 if approved else 0)
        for verdict in guard.check(operations, asked.principal, state):
            if not verdict.allowed:
                rules = ", ".join(verdict.rules)
                raise Forbidden(
                    "edge.command_guarded", f"the guard denies writing {asked.device}/{asked.point}: {verdict.reason}",
                    "`lineshaft guard show` shows its rules.", device=asked.device, point=asked.point,
                    reason=verdict.reason, rules=rules,
                )  # fmt: skip

    def _check_expiry(self, asked: Execute, deadline: float) -> None:
        if clock.now_us() > asked.expires or clock.monotonic() > deadline:
            raise DeadlineExceeded(
                "edge.command_expired", f"the command for {asked.device}/{asked.point} expired before it was executed",
                "Command again; where that goes on, compare the clocks of gateway and server.", device=asked.device,
                point=asked.point,
            )  # fmt: skip

    def _lock(self, device: str) -> asyncio.Lock:
        waiting = self._waiting.get(device, 0)
        if waiting >= MOST_WAITING:
            raise Unavailable(
                "edge.command_queue_full", f"{waiting} commands wait for the device {device!r} already",
                "Wait until they are done.", device=device, count=waiting,
            )  # fmt: skip
        self._waiting[device] = waiting + 1
        return self._locks.setdefault(device, asyncio.Lock())

    # -- outcomes -------------------------------------------------------------------------------------------------------

    def _step(self, state: CommandState, error: LineshaftError | None = None, detail: str = "") -> Step:
        if error is not None:
            return Step.refused(state, error, self._gateway)
        return Step(state=state, time=clock.now_us(), by=self._gateway, detail=detail)

    async def _refused(self, asked: Execute, error: LineshaftError) -> Outcome:
        """Nothing was written; the same id is not tried again."""
        state: CommandState = "expired" if isinstance(error, DeadlineExceeded) else "denied"
        outcome = Outcome(command=asked.command, steps=(self._step(state, error),))
        if asked.dry_run:
            return outcome
        if self._denied.takes(asked.principal.id):
            return await self._keep(outcome)
        self._denied.count(outcome)
        if self._tell is not None:
            self._tell(asked, outcome)
        return outcome

    async def _end(
        self, outcome: Outcome, state: CommandState, error: LineshaftError | None = None, detail: str = ""
    ) -> Outcome:
        step = self._step(state, error, detail)
        return await self._keep(msgspec.structs.replace(outcome, steps=(*outcome.steps, step), settled=True))

    async def _keep(self, outcome: Outcome) -> Outcome:
        """Persist an outcome. Where the disk refuses, it is still the answer; the next start says `indeterminate`."""
        try:
            await asyncio.to_thread(self._journal.keep, outcome)
        except LineshaftError as error:
            self._log.error("edge_command_not_kept", command=outcome.command, code=error.code, message=error.message)
        return outcome


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which has a task of its own: libraries end a call by cancelling it when they hang up.

    Raises:
        TimeoutError: it took longer. ConnectionError: it was cancelled by somebody else than us.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise TimeoutError
        if task.cancelled():
            raise ConnectionError("the driver gave it up")
        return task.result()
    finally:
        await end(task)


async def _heard(news: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
