"""Keeps a caller who is denied again and again from filling the audit trail: what is not listed is counted.

Each principal may cause `LISTED` entries of denial in a minute. Further ones only count; the first denial after the
minute brings an entry with their number.
"""

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Counter

from lineshaft.access.audit import Act
from lineshaft.core import clock
from lineshaft.core.principals import Decision

DENIALS: Final = Counter("lineshaft_access_denials", "Decisions that denied.")
LISTED: Final = 30
_MINUTE_SECONDS: Final = 60.0
_PRINCIPALS: Final = 10_000


class _Minute:
    def __init__(self) -> None:
        self.began = clock.monotonic()
        self.listed = 0
        self.unlisted = 0


class Denials:
    """Turns denials into audit acts, within bounds."""

    def __init__(self) -> None:
        self._minutes: dict[str, _Minute] = {}

    def acts(self, principal: str, decision: Decision, context: Mapping[str, Any]) -> list[Act]:
        """What to record of this denial: nothing, itself, or itself and the count of those before."""
        DENIALS.inc()
        acts = []
        minute = self._minutes.get(principal)
        if minute is None or clock.monotonic() - minute.began > _MINUTE_SECONDS:
            if minute is not None and minute.unlisted:
                acts.append(_summary(principal, minute.unlisted))
            if len(self._minutes) >= _PRINCIPALS:
                self._minutes.clear()
            minute = self._minutes[principal] = _Minute()
        if minute.listed >= LISTED:
            minute.unlisted += 1
            return acts
        minute.listed += 1
        return [*acts, _denial(principal, decision, context)]


def _denial(principal: str, decision: Decision, context: Mapping[str, Any]) -> Act:
    return Act(
        principal=principal, action=decision.action, resource=decision.resource, outcome="denied",
        decision=decision.id, facts={**context, "reason": decision.reason},
    )  # fmt: skip


def _summary(principal: str, count: int) -> Act:
    return Act(principal=principal, action="access:denials", resource="*", outcome="denied", facts={"unlisted": count})
