"""What the guard has to say to the audit trail, kept until it is recorded. Like denials are one event with a count.

Denials have bounds of their own, for each principal and for all: whoever is denied again and again with ever other words
is counted, and never in the way of what others do.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Final

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.guard.model import GuardPrincipal, Recorder, Verdict
from lineshaft.edge.guard.operation import Operation

MOST_WAITING: Final = 1024
MOST_OF_ONE: Final = 64
"""Denials of one principal that may wait one by one; further ones are counted in one event of theirs."""
MOST_DENIED: Final = MOST_WAITING // 2
"""Denials of all principals; further ones are counted in one event, so that a flood of them stops nobody's writes."""
DENIED: Final = "guard.denied"
COMMAND_DENIED: Final = "guard.command_denied"
"""A command that was denied and is in no journal."""
_VALUES_SHOWN: Final = 8


class LogRecorder:
    """Where nothing else records: the gateway's own log."""

    def __init__(self) -> None:
        self._log = logs.get("edge")

    async def note(self, facts: dict[str, Any]) -> None:
        self._log.warning("guard_event", **facts)


class Events:
    """Events that wait for the recorder."""

    def __init__(self) -> None:
        self._waiting: dict[Any, dict[str, Any]] = {}
        self._denied: Counter[str] = Counter()
        """Denials that wait, by principal."""
        self.failed = ""
        """Why the recorder did not take the last one."""

    @property
    def full(self) -> bool:
        """Nothing more can wait: what would have to be recorded must not happen."""
        return len(self._waiting) >= MOST_WAITING

    def __len__(self) -> int:
        return len(self._waiting)

    def judged(self, action: str, operation: Operation, principal: GuardPrincipal, verdict: Verdict) -> None:
        """An operation that was denied, would have been, or passed by the override only."""
        key = (action, principal.id, operation.protocol, operation.device, operation.function, verdict.reason)
        known = self._waiting.get(key)
        if known is not None:
            known["count"] += 1
            known["last"] = clock.rfc3339(clock.now_us())
            _widen(known, operation)
        elif action == DENIED:
            self._deny(key, principal.id, lambda: _facts(action, operation, principal, verdict))
        elif not self.full:
            self._waiting[key] = _facts(action, operation, principal, verdict)

    def happened(self, action: str, **facts: Any) -> None:
        """Something else that has to be recorded; never dropped."""
        self._waiting[object()] = {"action": action, "at": clock.rfc3339(clock.now_us()), **facts}

    def repeated(self, about: Hashable, action: str, **facts: Any) -> None:
        """Something refused that may come in floods: like ones are one event with a count, of bounded number."""
        key = (action, about)
        known = self._waiting.get(key)
        now = clock.rfc3339(clock.now_us())
        if known is not None:
            known["count"] += 1
            known["last"] = now
        else:
            self._deny(key, str(facts["principal"]), lambda: {"action": action, "at": now, "count": 1, **facts})

    def _deny(self, key: Any, principal: str, facts: Callable[[], dict[str, Any]]) -> None:
        """One more denial: by itself while there is room for it, else in a count of its principal, else in one of all."""
        if self._denied[principal] < MOST_OF_ONE and self._denied.total() < MOST_DENIED:
            self._denied[principal] += 1
            self._waiting[key] = facts()
            return
        whose = principal if principal in self._denied else ""
        key, now = (DENIED, whose), clock.rfc3339(clock.now_us())
        known = self._waiting.get(key)
        if known is None:
            known = self._waiting[key] = {
                "action": DENIED, "at": now, "count": 0, "principal": whose, "reason": "further denials, not listed",
            }  # fmt: skip
        known["count"] += 1
        known["last"] = now

    async def drain(self, recorder: Recorder) -> None:
        """Hand over what waits, oldest first; what the recorder does not take waits on."""
        while self._waiting:
            key = next(iter(self._waiting))
            facts = self._waiting.pop(key)
            try:
                await recorder.note(facts)
                self._told(key, facts)
            except (LineshaftError, OSError) as error:
                self._put_back(key, facts)
                self.failed = str(error)
                return
            except BaseException:
                self._put_back(key, facts)
                raise
        self.failed = ""

    def _told(self, key: Any, facts: dict[str, Any]) -> None:
        principal = facts.get("principal", "")
        if facts["action"] in (DENIED, COMMAND_DENIED) and key != (DENIED, principal):
            self._denied[principal] -= 1
            if self._denied[principal] <= 0:
                del self._denied[principal]

    def _put_back(self, key: Any, facts: dict[str, Any]) -> None:
        newer = self._waiting.pop(key, None)
        if newer is not None:
            facts = {**facts, "count": facts["count"] + newer["count"], "last": newer.get("last", newer["at"])}
        self._waiting = {key: facts, **self._waiting}


def _address(principal: GuardPrincipal) -> dict[str, str]:
    return {"address": principal.address} if principal.address else {}


def _widen(facts: dict[str, Any], operation: Operation) -> None:
    """Have the addresses of an event reach over those of one more operation; its values stay the first one's."""
    if "start" in facts and not operation.node:
        facts["start"] = min(facts["start"], operation.start)
        facts["end"] = max(facts["end"], operation.start + operation.count - 1)


def _facts(action: str, operation: Operation, principal: GuardPrincipal, verdict: Verdict) -> dict[str, Any]:
    where = {"node": operation.node} if operation.node else {
        "space": operation.space, "start": operation.start, "end": operation.start + operation.count - 1,
    }  # fmt: skip
    return {
        "action": action, "at": clock.rfc3339(clock.now_us()), "count": 1, "principal": principal.id,
        "name": principal.name, "foreign": principal.foreign, **_address(principal), "protocol": operation.protocol,
        "device": operation.device, "function": operation.function, **where,
        "values": list(operation.values[:_VALUES_SHOWN]), "points": list(operation.points[:_VALUES_SHOWN]),
        "rules": list(verdict.rules), "reason": verdict.reason, "mode": verdict.mode,
    }  # fmt: skip
