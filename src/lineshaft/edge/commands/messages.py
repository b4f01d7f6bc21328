"""What web asks of a gateway, `gw.<gateway>.command`, and the answer."""

import msgspec

from lineshaft.edge.commands.model import State, Step, Value
from lineshaft.edge.guard.model import GuardPrincipal


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
