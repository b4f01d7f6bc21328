"""Keeps a caller who is denied again and again from filling the audit trail: what is not listed is counted.

Each principal may cause `LISTED` entries of denial in a minute, and each address as many of API tokens that are not
valid. Further ones only count; the first after the minute brings their number.
"""

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Counter

from lineshaft.access.audit import Act
from lineshaft.access.secret_texts import split_token
from lineshaft.core import clock
from lineshaft.core.principals import Decision

DENIALS: Final = Counter("lineshaft_access_denials", "Decisions that denied.")
REFUSALS: Final = Counter("lineshaft_access_tokens_refused", "Requests with an API token that is not valid.")
CERTIFICATES: Final = Counter("lineshaft_access_certificates_refused", "Client certificates that were not accepted.")
LISTED: Final = 30
LISTED_TOGETHER: Final = 300
"""Refused tokens of all addresses together in a minute."""
_MINUTE_SECONDS: Final = 60.0
_KEYS: Final = 10_000


class _Minute:
    def __init__(self) -> None:
        self.began = clock.monotonic()
        self.listed = 0
        self.unlisted = 0


class _Bounds:
    """Who may still have an entry in this minute."""

    def __init__(self, listed: int) -> None:
        self._listed = listed
        self._minutes: dict[str, _Minute] = {}

    def take(self, key: str) -> tuple[bool, int]:
        """Whether to list this one, and how many of the minute before were not listed."""
        before = 0
        minute = self._minutes.get(key)
        if minute is None or clock.monotonic() - minute.began > _MINUTE_SECONDS:
            before = 0 if minute is None else minute.unlisted
            if len(self._minutes) >= _KEYS:
                self._minutes.clear()
            minute = self._minutes[key] = _Minute()
        if minute.listed >= self._listed:
            minute.unlisted += 1
            return False, before
        minute.listed += 1
        return True, before


class Denials:
    """Turns denials into audit acts, within bounds."""

    def __init__(self) -> None:
        self._bounds = _Bounds(LISTED)

    def acts(self, principal: str, decision: Decision, context: Mapping[str, Any]) -> list[Act]:
        """What to record of this denial: nothing, itself, or itself and the count of those before."""
        DENIALS.inc()
        listed, before = self._bounds.take(principal)
        acts = [_summary(principal, before)] if before else []
        return [*acts, _denial(principal, decision, context)] if listed else acts


class Refusals:
    """Turns API tokens that were refused into audit acts, within bounds for each address and for all together."""

    def __init__(self) -> None:
        self._bounds = _Bounds(LISTED)
        self._together = _Bounds(LISTED_TOGETHER)

    def acts(self, address: str, text: str, code: str) -> list[Act]:
        """What to record of a refused token: nothing, itself, or itself and the count of those before."""
        REFUSALS.inc()
        listed, before = self._bounds.take(address)
        if not listed or not self._together.take("")[0]:
            return []
        parts = split_token(text)
        facts = {"address": address, "reason": code, "unlisted": before, "id": parts[0] if parts else ""}
        return [Act(principal="", action="access:token", resource="", outcome="refused", facts=facts)]


class RefusedCertificates:
    """Turns certificates that were refused into audit acts, within bounds for each reason."""

    def __init__(self) -> None:
        self._bounds = _Bounds(LISTED)

    def acts(self, reason: str, fingerprint: str, principal: str) -> list[Act]:
        """What to record of a refused certificate: nothing, or itself with the count of those before."""
        CERTIFICATES.inc()
        listed, before = self._bounds.take(reason)
        facts = {"reason": reason, "fingerprint": fingerprint, "unlisted": before}
        act = Act(principal=principal, action="access:certificate", resource=principal, outcome="refused", facts=facts)
        return [act] if listed else []


def _denial(principal: str, decision: Decision, context: Mapping[str, Any]) -> Act:
    return Act(
        principal=principal, action=decision.action, resource=decision.resource, outcome="denied",
        decision=decision.id, facts={**context, "reason": decision.reason},
    )  # fmt: skip


def _summary(principal: str, count: int) -> Act:
    return Act(principal=principal, action="access:denials", resource="*", outcome="denied", facts={"unlisted": count})
