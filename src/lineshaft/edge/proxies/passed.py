"""Foreign writes that the guard let through, for the audit trail: each place is one event with a count, twice a second."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.guard.model import GuardPrincipal, Recorder, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.tasks import end

MOST_WAITING: Final = 1024
_ROUND_SECONDS: Final = 0.5
_VALUES_SHOWN: Final = 16


class PassedWrites:
    """Collects them, and hands them to the recorder.

    Args:
        recorder: gives the one that records for the gateway now.
    """

    def __init__(self, recorder: Callable[[], Recorder]) -> None:
        self._recorder = recorder
        self._waiting: dict[Any, dict[str, Any]] = {}
        self._task: asyncio.Task[None] | None = None
        self._log = logs.get("edge")
        self.failed = ""
        """Why the recorder did not take the last one."""

    def start(self) -> None:
        """Begin to record."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_recording(), name="proxy audit")

    async def close(self) -> None:
        """Stop; what can be recorded is."""
        if self._task is not None:
            await end(self._task)
            self._task = None
            await self._drain()

    @property
    def full(self) -> bool:
        """Nothing more can wait: what would have to be recorded must not happen."""
        return len(self._waiting) >= MOST_WAITING

    def note(
        self, principal: GuardPrincipal, operations: Sequence[Operation], verdicts: Sequence[Verdict],
        origin: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Take in writes that are about to be sent.

        Args:
            origin: where they come from: address, and the certificate where there is one.
        """
        for operation, verdict in zip(operations, verdicts, strict=True):
            where = (operation.node, operation.space, operation.start, operation.count)
            key = (principal.id, origin.get("address"), operation.device, operation.function, where, verdict.rules)
            known = self._waiting.get(key)
            if known is None:
                known = self._waiting[key] = _facts(principal, operation, verdict, origin)
            else:
                known["count"] += 1
                known["last"] = clock.now_us()
            _take_values(known, operation.values)

    async def _keep_recording(self) -> None:
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            await self._drain()

    async def _drain(self) -> None:
        while self._waiting:
            key = next(iter(self._waiting))
            facts = self._waiting.pop(key)
            try:
                await self._recorder().note(_told(facts))
            except BaseException as error:
                self._waiting.setdefault(key, facts)
                if not isinstance(error, LineshaftError | OSError):
                    raise
                self.failed = str(error)
                return
        self.failed = ""


def _facts(
    principal: GuardPrincipal, operation: Operation, verdict: Verdict, origin: Mapping[str, Any]
) -> dict[str, Any]:
    where = {"node": operation.node} if operation.node else {
        "space": operation.space, "start": operation.start, "end": operation.start + operation.count - 1,
    }  # fmt: skip
    now = clock.now_us()
    return {
        "action": "guard.passed", "at": now, "last": now, "count": 1, "principal": principal.id, "name": principal.name,
        "foreign": principal.foreign, **origin, "protocol": operation.protocol, "device": operation.device,
        "function": operation.function, **where, "points": list(operation.points), "rules": list(verdict.rules),
        "reason": verdict.reason, "mode": verdict.mode,
    }  # fmt: skip


def _take_values(facts: dict[str, Any], values: tuple[int, ...]) -> None:
    if not values:
        return
    facts["values"] = values
    facts["minimum"] = min(facts.get("minimum", values[0]), *values)
    facts["maximum"] = max(facts.get("maximum", values[0]), *values)


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """As the recorder takes it: times as text, the last values only as many as are shown."""
    told = {**facts, "at": clock.rfc3339(facts["at"]), "last": clock.rfc3339(facts["last"])}
    told["values"] = list(facts.get("values", ()))[:_VALUES_SHOWN]
    return told
