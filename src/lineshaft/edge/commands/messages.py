"""What web asks of a gateway, `gw.<gateway>.command`, `.cancel` and `.lease`, and the answers."""

import msgspec

from lineshaft.edge.commands.model import Lease, State, Step, Value
from lineshaft.edge.guard.model import GuardPrincipal


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`lease`: who has a device to themselves, as `web` knew it at a moment. It also travels with every command."""

    device: str
    known: int
    """When it was known, microseconds UTC by the server's clock; what is newer replaces what is older."""
    lease: Lease | None = None
    """None: nobody."""


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """`cancel`: withdraw a command that is not being written yet; one that has never come is not taken later either."""

    command: str
    """Id."""
    by: str
    """Name of who withdraws it."""


class Execute(msgspec.Struct, frozen=True, kw_only=True):
    """Carry out a command, or say what became of it: asking again for the same id never writes twice."""

    command: str
    """Id."""
    device: str
    point: str
    value: Value
    principal: GuardPrincipal
    """Who asked."""
    approver: str = ""
    """Handle of the second person; empty: nobody has approved."""
    reason: str = ""
    expires: int
    """Never executed after this, microseconds UTC."""
    seconds: float
    """Nor this long after it arrived: the gateway's clock may be wrong."""
    standing: Standing | None = None
    """Who had the device alone when this was sent. A command of whoever had counts no longer than that lease."""
    stands: str = ""
    """Digest of the point as `web` checked the value against it (`checks.digest`); empty: whatever stands there."""
    dry_run: bool = False
    """Check everything, write and keep nothing."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a command at the gateway."""

    command: str
    steps: tuple[Step, ...]
    before: Value | None = None
    read: Value | None = None
    q: int | None = None
    settled: bool = True

    @property
    def state(self) -> State:
        """The last step's."""
        return self.steps[-1].state
