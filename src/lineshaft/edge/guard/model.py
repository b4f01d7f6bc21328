"""What a check is given beside the operations, and what it answers."""

from typing import Any, Final, Literal, Protocol

import msgspec

from lineshaft.access.roles import LADDER

GuardMode = Literal["learn", "shadow", "enforce"]
"""learn: let through and remember what was done. shadow: let through, record what would be denied. enforce: deny."""
Reads = Literal["open", "closed"]
"""open: reads are permitted unless a rule forbids them. closed: they need a rule like everything else."""


class GuardPrincipal(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to do it, as rules can ask."""

    id: str
    """Handle, or for a foreign client what it proved itself with, or its address."""
    name: str = ""
    kind: str = ""
    """`person`, `app`, `service`, `device`, `node` …"""
    roles: frozenset[str] = frozenset()
    zone: str = ""
    foreign: bool = False
    """A client behind a proxy, whom Lineshaft itself did not sign in."""
    address: str = ""
    """Where a foreign client comes from that is known by more than that; for the audit trail, no rule asks for it."""

    @property
    def groups(self) -> frozenset[str]:
        """Its roles and those below them."""
        highest = max((LADDER.index(role) for role in LADDER if role in self.roles), default=-1)
        return self.roles | frozenset(LADDER[: highest + 1])


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the operations of one check."""

    approvals: int = 0
    """Second persons who approved just these operations."""
    mode: str | None = None
    """Plant mode; None: the one that the guard was told."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard says of one operation."""

    allowed: bool
    rules: tuple[str, ...] = ()
    """Ids of the rules that decided: the permits where permitted, else the forbids."""
    reason: str = ""
    mode: GuardMode = "enforce"
    would_deny: bool = False
    """It is let through because of the mode only."""


class Recorder(Protocol):
    """Takes what has to be in the audit trail."""

    async def note(self, facts: dict[str, Any]) -> None:
        """Record one event; returns once it is durable.

        `facts` has `action` (`guard.denied`, `guard.would_deny`, `guard.mode`, `guard.presence` …) and what belongs to
        it, plain JSON values only.
        """


UNJUDGEABLE: Final = "a value is not a number, infinite, or beyond what can be judged"
NO_PERMIT: Final = "no rule permits it"
FAILED: Final = "the guard failed"
UNRECORDED: Final = "denials cannot be recorded any more"
