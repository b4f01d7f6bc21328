"""What the access service is made of beside sign-in: each subject brings one `Part`, named in `PARTS`.

A part opens what it needs in `start`, answers verbs on the bus, may have work in the background, and says how it is.
"""

import contextlib
import importlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import msgspec

from lineshaft.access.access import Access
from lineshaft.access.administration import Administration
from lineshaft.access.authority import Authority
from lineshaft.core.health import Check
from lineshaft.core.service import Context
from lineshaft.records import Database

if TYPE_CHECKING:
    from lineshaft.bus.client import Bus

PARTS: Final[tuple[str, ...]] = (
    "lineshaft.access.trail.part:TrailPart",
    "lineshaft.access.pki.part:PkiPart",
    "lineshaft.access.est.part:EnrolmentPart",
    "lineshaft.access.zones.part:ZonesPart",
    "lineshaft.access.policy.part:PolicyPart",
    "lineshaft.access.labels.part:LabelsPart",
    "lineshaft.access.people.part:PeoplePart",
    "lineshaft.access.projects.part:ProjectsPart",
)
"""`module:class` of every part, in the order of their start."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a part is given."""

    context: Context
    """Home, settings and identity of the installation."""
    database: Database
    access: Access
    administration: Administration
    authority: Authority
    bus: "Bus"
    stack: contextlib.AsyncExitStack
    """Closed when the service stops, the latest first."""
    cut_off: Callable[[str], Awaitable[None]]
    """Give the bus the present list of void keys, after the named principal lost its own."""


class Verb(msgspec.Struct, frozen=True):
    """One request that the service answers: the body's type, and the work."""

    body: type
    work: Callable[[Any], Awaitable[Any]]


class Part(Protocol):
    """One subject of the access service."""

    def __init__(self, surroundings: Surroundings) -> None: ...

    async def start(self) -> None:
        """Open what is needed; what fails here keeps the service from starting."""

    def verbs(self) -> Mapping[str, Verb]:
        """What it answers; each verb also stands in `grants.ACCESS_VERBS`."""

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs until the service stops; a failure restarts the service."""

    def checks(self) -> list[Check]:
        """How it is."""


def load_parts(surroundings: Surroundings) -> list[Part]:
    """Every part, not started."""
    found = []
    for target in PARTS:
        module, _, name = target.partition(":")
        kind = cast("type[Part]", getattr(importlib.import_module(module), name))
        found.append(kind(surroundings))
    return found
