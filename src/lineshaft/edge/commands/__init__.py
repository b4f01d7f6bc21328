"""Commands: writing to machines, so that each is carried out at most once and everybody can see what became of it.

`web` records a command, sees to the decision, the lease and the second person, and sends it to the gateway (`service`);
the gateway checks everything again, persists the command's id, asks the guard, writes, and reads back (`executor`).
Not here: what a driver sends (`drivers`), what may be written at all (`guard`).
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.edge.commands.service import Commands as Commands

__all__ = ["Commands"]

__getattr__ = door(__name__, {"service": ("Commands",)})
