"""The nouns: command, its states, and the lease by which one principal alone writes to a device."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError, plain_facts

Value = float | int | bool | str
State = Literal[
    "requested", "authorised", "armed", "executed", "verified", "failed", "denied", "cancelled", "expired",
    "indeterminate",
]  # fmt: skip
"""requested: recorded; waits for a second person, where one is needed · authorised: it may be done · armed: the gateway
has checked everything and persisted the id; it writes now · executed: the machine took it · verified: the value read
back is the one written · failed: the machine refused it, or the value did not become the one written · denied: a check
refused it, nothing was written · cancelled, expired: nothing was written · indeterminate: nobody knows whether the
machine took it."""

FINAL: Final = frozenset({"verified", "failed", "denied", "cancelled", "expired", "indeterminate"})


_LARGEST_FACTS: Final = 4096
"""Bytes; of what is larger the English sentence stays."""
LONGEST_LEASE_SECONDS: Final = 8 * 3600


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transition of a command; steps are only ever added."""

    state: State
    time: int
    """Microseconds UTC, by the clock of whoever made it."""
    by: str
    """Name of the principal or the gateway that made it."""
    code: str = ""
    """Of the error, where one made it."""
    detail: str = ""
    facts: Mapping[str, Any] = {}
    """Of the error, by which its sentence is said in other languages."""

    @classmethod
    def refused(cls, state: State, error: LineshaftError, by: str) -> "Step":
        """The transition that an error made, now."""
        facts = plain_facts(error)
        if len(msgspec.json.encode(facts)) > _LARGEST_FACTS:
            facts = {}
        return cls(state=state, time=clock.now_us(), by=by, code=error.code, detail=error.message, facts=facts)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One principal alone writes to a device for a while."""

    device: str
    principal: str
    """Handle."""
    name: str
    taken: int
    until: int
    """Microseconds UTC."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A value that somebody wants a point to have."""

    id: str
    device: str
    point: str
    gateway: str
    value: Value
    reason: str
    principal: str
    """Handle of who asked."""
    name: str
    """Their name."""
    decision: str
    """Id of the decision that allowed it."""
    classification: str
    """A: it takes a second person."""
    approver: str
    """Name of the second person; empty where there is none."""
    state: State
    settled: bool
    """Nothing more will come."""
    created: int
    expires: int
    """Not executed after this, microseconds UTC; of one that waits for approval, until when it may be approved."""
    expiry_seconds: float
    """How long it counts once it is authorised."""
    before: Value | None = None
    """The value that was there."""
    read: Value | None = None
    """The value read back."""
    q: int | None = None
    """OPC UA StatusCode of the machine's answer."""
    steps: tuple[Step, ...] = ()
