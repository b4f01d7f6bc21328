"""The guard: one check in front of every write of every driver, and of every foreign client behind a proxy.

A policy in a stated part of Cedar (`subset`) is compiled into interval tables (`table`, `compiled`) by which `Guard`
judges operations; it remembers what rules about rate and change need (`memory`), tells denials to a recorder (`events`),
learns boxes for a person to approve (`learned`), and knows who stands at the machine (`presence`). `part` runs it in a
gateway. Not here: a point's own write rules (`commands`), and what is on the wire (drivers).
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.edge.guard.guard import Guard as Guard
    from lineshaft.edge.guard.model import GuardPrincipal as GuardPrincipal
    from lineshaft.edge.guard.model import Recorder as Recorder
    from lineshaft.edge.guard.model import State as State
    from lineshaft.edge.guard.model import Verdict as Verdict
    from lineshaft.edge.guard.operation import Operation as Operation
    from lineshaft.edge.guard.operation import millionths as millionths

__all__ = ["Guard", "GuardPrincipal", "Operation", "Recorder", "State", "Verdict", "millionths"]

__getattr__ = door(
    __name__,
    {
        "guard": ("Guard",),
        "model": ("GuardPrincipal", "Recorder", "State", "Verdict"),
        "operation": ("Operation", "millionths"),
    },
)
