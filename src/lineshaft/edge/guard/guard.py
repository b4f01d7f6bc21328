"""The guard itself: judges operations before anything is sent, whoever asks.

It fails closed: where it cannot judge, nothing is written. Values that are no numbers are denied first, in every mode.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from operator import attrgetter
from typing import Final

from lineshaft.core import clock, logs
from lineshaft.edge.guard import defaults, policy
from lineshaft.edge.guard.compiled import Compiled, Moment
from lineshaft.edge.guard.events import Events
from lineshaft.edge.guard.functions import reads
from lineshaft.edge.guard.learned import Learned
from lineshaft.edge.guard.memory import GuardMemory, Present
from lineshaft.edge.guard.model import (
    FAILED,
    UNJUDGEABLE,
    UNRECORDED,
    GuardMode,
    GuardPrincipal,
    Reads,
    State,
    Verdict,
)
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.policy import GuardPolicy, compile_policy
from lineshaft.edge.guard.presence import Presence, Statement
from lineshaft.edge.guard.schema import GREATEST

_PLAIN: Final = State()
_UNJUDGEABLE: Final = attrgetter("unjudgeable")
_ALLOWED: Final = attrgetter("allowed")
_UNKNOWN: Final = (GREATEST, GREATEST, GREATEST)
_FEW: Final = 4
"""So many operations are judged one by one: columns cost more to make."""
_MOST_TOGETHER: Final = 1024


class Guard:
    """One for all drivers and proxies of a gateway. Its defaults: enforce, reads open, the policy that is shipped.

    Args:
        gateway: its name.
        present: present values of points, for rules on change.
        presence: whether somebody stands at the machine; None: nobody ever does.
    """

    def __init__(self, gateway: str = "", *, present: Present | None = None, presence: Presence | None = None) -> None:
        self.events = Events()
        self.learned = Learned()
        self.judged = 0
        self.denied = 0
        self._gateway = gateway
        self._present = present or _nothing_known
        self._presence = presence
        self._stated: Statement | None = None
        self._minute = -1
        self._local = (0, 0)
        self._log = logs.get("edge")
        self.configure(compile_policy(defaults.text(), validate=False))

    def configure(
        self,
        work: GuardPolicy,
        *,
        mode: GuardMode = "enforce",
        reads_are: Reads = "open",
        zone: str = "UTC",
        plant_mode: Callable[[], str] = str,
        devices: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Judge by this from now on, as a whole. Counters and last values begin anew where it is another policy.

        Args:
            work: the policy.
            zone: the time zone of rules about minutes.
            plant_mode: tells the plant mode; empty where none is known.
            devices: of each device, the groups that it is in, as `Place::"acme/north"`.
        """
        policies = [work, compile_policy(policy.READS, validate=False)] if reads_are == "open" else [work]
        compiled = Compiled(policies, devices, self._gateway, mode)
        self._zone = time_zone(zone)
        if getattr(self, "policy", None) != work:
            self.memory = GuardMemory(self._present, compiled.remembers)
        self.policy, self.mode, self.reads = work, mode, reads_are
        self._plant_mode, self._compiled = plant_mode, compiled
        self._enforced = compiled if mode == "enforce" else Compiled(policies, devices, self._gateway)
        self._minute = -1

    @property
    def enforced(self) -> Compiled:
        """What would decide in the mode `enforce`."""
        return self._enforced

    @property
    def epoch(self) -> object | None:
        """Another object whenever a decision about the same read may be another one, but for what the clock or the plant
        says; None where every operation has to be judged by itself, because it is counted or recorded.
        """
        return self._compiled if self.mode == "enforce" and not self._compiled.remembers else None

    def check(self, operations: Sequence[Operation], principal: GuardPrincipal, state: State = _PLAIN) -> list[Verdict]:
        """Judge operations that are about to be sent, in their order. Never raises.

        What is let through counts as done. One that is denied is for the caller to hold back; whether it then sends
        the others is the caller's affair.
        """
        try:
            verdicts: list[Verdict] = []
            for start in range(0, len(operations), _MOST_TOGETHER):
                verdicts += self._check(operations[start : start + _MOST_TOGETHER], principal, state)
        except Exception:  # noqa: BLE001  # whatever goes wrong in here must not let anything be written
            self._log.exception("guard_failed")
            verdicts = [self._without_judging(operation) for operation in operations]
        self.judged += len(verdicts)
        return verdicts

    def moment(self, state: State = _PLAIN) -> Moment:
        """What rules can ask that is the same for all operations now."""
        day, week = self._minutes()
        return Moment(
            self._plant_mode() if state.mode is None else state.mode, day, week, state.approvals,
            self.present_person() is not None,
        )  # fmt: skip

    def present_person(self) -> Statement | None:
        """Who says to stand at the machine; every beginning and end of it is an event."""
        stated = self._presence.now() if self._presence else None
        if stated != self._stated:
            ended, self._stated = self._stated, stated
            if ended is not None:
                self.events.happened("guard.presence_ended", user=ended.user, reason=ended.reason)
            if stated is not None:
                until = clock.rfc3339(stated.until)
                self.events.happened("guard.presence", user=stated.user, reason=stated.reason, until=until)
        return stated

    # -- one check ----------------------------------------------------------------------------------------------------

    def _check(self, operations: Sequence[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        moment = self.moment(state)
        compiled = self._compiled
        basis = compiled.basis(principal, moment)
        if compiled.remembers:
            verdicts = [self._with_memory(basis, operation) for operation in operations]
        elif len(operations) < _FEW:
            verdicts = [compiled.decide(basis, operation) for operation in operations]
        else:
            verdicts = compiled.decide_all(basis, operations)
        if any(map(_UNJUDGEABLE, operations)):
            hopeless = Verdict(allowed=False, reason=UNJUDGEABLE, mode=self.mode)
            verdicts = [
                hopeless if operation.unjudgeable else verdict
                for operation, verdict in zip(operations, verdicts, strict=True)
            ]
        if self.events.full:
            verdicts = [self._unless_unrecorded(*pair) for pair in zip(operations, verdicts, strict=True)]
        self._note(operations, verdicts, principal, moment)
        return verdicts

    def _with_memory(self, basis: int, operation: Operation) -> Verdict:
        """Judge one, and count it before the next: an operation is judged after all that came before it."""
        recalled = self.memory.recall(operation)
        verdict = self._compiled.decide(basis, operation, recalled.numbers)
        if verdict.allowed and not operation.unjudgeable:
            self.memory.admitted(recalled)
        return verdict

    def _note(
        self, operations: Sequence[Operation], verdicts: Sequence[Verdict], principal: GuardPrincipal, moment: Moment
    ) -> None:  # fmt: skip
        if self.mode == "shadow" or not all(map(_ALLOWED, verdicts)):
            self._note_denials(operations, verdicts, principal)
        if moment.presence:
            self._note_overrides(operations, verdicts, principal, moment)
        if self.mode == "learn":
            for operation, verdict in zip(operations, verdicts, strict=True):
                if verdict.allowed and not reads(operation.protocol, operation.function):
                    self.learned.observe(operation, principal)

    def _note_denials(
        self, operations: Sequence[Operation], verdicts: Sequence[Verdict], principal: GuardPrincipal
    ) -> None:
        for operation, verdict in zip(operations, verdicts, strict=True):
            if not verdict.allowed:
                self.denied += 1
                self.events.judged("guard.denied", operation, principal, verdict)
            elif verdict.would_deny and self.mode == "shadow":
                self.events.judged("guard.would_deny", operation, principal, verdict)

    def _note_overrides(
        self, operations: Sequence[Operation], verdicts: Sequence[Verdict], principal: GuardPrincipal, moment: Moment
    ) -> None:  # fmt: skip
        absent = Moment(moment.mode, moment.minute_of_day, moment.minute_of_week, moment.approvals)
        basis = self._enforced.basis(principal, absent)
        for operation, verdict in zip(operations, verdicts, strict=True):
            # Limits on change and rate count as not kept: rather one event too many.
            if verdict.allowed and not self._enforced.decide(basis, operation, _UNKNOWN).allowed:
                self.events.judged("guard.override", operation, principal, verdict)

    def _unless_unrecorded(self, operation: Operation, verdict: Verdict) -> Verdict:
        if not verdict.allowed or reads(operation.protocol, operation.function):
            return verdict
        return Verdict(allowed=False, reason=UNRECORDED, mode=self.mode)

    def _without_judging(self, operation: Operation) -> Verdict:
        if self.reads == "open" and reads(operation.protocol, operation.function):
            return Verdict(allowed=True, reason=FAILED, mode=self.mode)
        self.denied += 1
        return Verdict(allowed=False, reason=FAILED, mode=self.mode)

    def _minutes(self) -> tuple[int, int]:
        """Minute of the day and of the week (from Monday) where the site is."""
        minute = clock.now_us() // (60 * clock.MICROSECONDS)
        if minute != self._minute:
            local = clock.now().astimezone(self._zone)
            day = local.hour * 60 + local.minute
            self._minute, self._local = minute, (day, local.weekday() * 1440 + day)
        return self._local


def time_zone(name: str) -> tzinfo:
    """A time zone by its name; UTC needs no table of zones on the machine.

    Raises:
        ValueError: there is none.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r} on this machine") from error


def _nothing_known(_device: str, _point: str) -> None:
    return None
