"""A page of the devices there are: searched, filtered and sorted by the records, without reading the devices themselves."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from lineshaft.access.projects.store import among
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.tables import DEVICE
from lineshaft.records.searching import mentioned

SortKey = Literal["name", "path", "driver", "endpoint", "points", "gateway", "project", "changed", "state"]
UNKNOWN: Final = "unknown"
"""State of a device of which no gateway says anything."""
_WORST_FIRST: Final = ("refused", "lost", "connecting", UNKNOWN, "connected")
LONGEST_SEARCH: Final = 200
_SEARCHED: Final = (
    DEVICE.c.name, DEVICE.c.path, DEVICE.c.driver, DEVICE.c.endpoint, DEVICE.c.description, DEVICE.c.handle,
)  # fmt: skip
_SHOWN: Final = (*_SEARCHED, DEVICE.c.points, DEVICE.c.gateway, DEVICE.c.project, DEVICE.c.changed)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which devices, and in which order."""

    name: str = ""
    """Only the one of this name."""
    search: str = ""
    """Every word of it must be in name, path, driver, endpoint, description or handle, in whatever case."""
    driver: str = ""
    gateway: str = ""
    below: str = ""
    """A path: only what lies there or below it."""
    state: str = ""
    sort: SortKey = "name"
    descending: bool = False


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A device without its points."""

    name: str
    path: str
    driver: str
    endpoint: str
    description: str
    handle: str
    points: int
    gateway: str
    project: str
    changed: int
    """Microseconds UTC."""
    state: str = UNKNOWN
    """As its gateway says, where the list was made with states."""

    def key(self, sort: SortKey) -> tuple[str | int, str]:
        """Its place in a list sorted so."""
        return rank(self.state) if sort == "state" else getattr(self, sort), self.name


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of devices."""

    items: Sequence[Summary]
    total: int
    """How many there are on all pages."""
    states: Mapping[str, int] = {}
    """How many are in each state, whichever of them is wanted; empty where the list was made without states."""


def rank(state: str) -> int:
    """A state's place among all: what needs somebody first."""
    return _WORST_FIRST.index(state) if state in _WORST_FIRST else len(_WORST_FIRST)


def gateways(connection: Connection, tenant: str) -> dict[str, int]:
    """Every gateway that has devices, and how many."""
    query = select(DEVICE.c.gateway, func.count()).where(DEVICE.c.tenant == tenant).group_by(DEVICE.c.gateway)
    return {name: int(count) for name, count in connection.execute(query)}


def page(
    connection: Connection, tenant: str, wanted: Wanted, after: tuple[str | int, str] | None, limit: int,
    projects: Collection[str] | None,
) -> Listing:  # fmt: skip
    """Devices behind `after` (a `Summary.key`); of `projects` only where that is not None.

    Raises:
        InvalidInput: the search is too long.
    """
    admitted = _admitted(connection, tenant, wanted, projects)
    total = connection.scalar(select(func.count()).select_from(DEVICE).where(admitted)) or 0
    column = DEVICE.c[wanted.sort]
    query = select(*_SHOWN).where(admitted, *_behind(column, after, wanted))
    order = (column.desc() if wanted.descending else column, DEVICE.c.name)
    rows = connection.execute(query.order_by(*order).limit(limit))
    return Listing(items=[Summary(**row._mapping) for row in rows], total=total)  # noqa: SLF001  # SQLAlchemy's public name


def page_by_state(
    connection: Connection, tenant: str, wanted: Wanted, after: tuple[str | int, str] | None, limit: int,
    projects: Collection[str] | None, states: Mapping[str, str],
) -> Listing:  # fmt: skip
    """As `page`, with the states of devices, which no record holds; they may be sorted and filtered by them.

    Args:
        states: by the devices' names; one that is not there is `unknown`.
    """
    admitted = _admitted(connection, tenant, wanted, projects)
    column = DEVICE.c.name if wanted.sort == "state" else DEVICE.c[wanted.sort]
    rows = connection.execute(select(DEVICE.c.name, column).where(admitted)).all()
    counts = Counter(states.get(name, UNKNOWN) for name, _ in rows)
    keys = [
        (rank(states.get(name, UNKNOWN)) if wanted.sort == "state" else value, name)
        for name, value in rows
        if not wanted.state or states.get(name, UNKNOWN) == wanted.state
    ]
    keys.sort(key=itemgetter(1))
    keys.sort(key=itemgetter(0), reverse=wanted.descending)
    behind = keys if after is None else [key for key in keys if _is_behind(key, after, wanted)]
    names = [name for _, name in behind[:limit]]
    found = {
        row.name: Summary(**row._mapping, state=states.get(row.name, UNKNOWN))  # noqa: SLF001  # SQLAlchemy's public name
        for row in connection.execute(select(*_SHOWN).where(DEVICE.c.tenant == tenant, DEVICE.c.name.in_(names)))
    }
    return Listing(items=[found[name] for name in names], total=len(keys), states=counts)


def _is_behind(key: tuple[Any, str], after: tuple[Any, str], wanted: Wanted) -> bool:
    further = key[0] < after[0] if wanted.descending else key[0] > after[0]
    return bool(further or (key[0] == after[0] and key[1] > after[1]))


def _admitted(
    connection: Connection, tenant: str, wanted: Wanted, projects: Collection[str] | None
) -> ColumnElement[bool]:  # fmt: skip
    """What the records themselves can tell.

    Raises:
        InvalidInput: the search is too long.
    """
    if len(wanted.search) > LONGEST_SEARCH:
        raise InvalidInput(
            "edge.search_too_long", f"search has {len(wanted.search)} characters, more than {LONGEST_SEARCH}",
            "Fewer words find more.", field="search", value=len(wanted.search), maximum=LONGEST_SEARCH,
        )  # fmt: skip
    return and_(DEVICE.c.tenant == tenant, among(DEVICE.c.project, projects), *_conditions(connection, wanted))


def _conditions(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = mentioned(connection, _SEARCHED, wanted.search)
    if wanted.name:
        found.append(DEVICE.c.name == wanted.name)
    if wanted.driver:
        found.append(DEVICE.c.driver == wanted.driver)
    if wanted.gateway:
        found.append(DEVICE.c.gateway == wanted.gateway)
    if wanted.below:
        found.append(at_or_below(wanted.below))
    return found


def at_or_below(path: str) -> ColumnElement[bool]:
    """Devices that are there, or below it."""
    there = path.rstrip("/")
    return or_(DEVICE.c.path == there, func.substr(DEVICE.c.path, 1, len(there) + 1) == f"{there}/")


def _behind(column: Any, after: tuple[str | int, str] | None, wanted: Wanted) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    value, name = after
    further = column < value if wanted.descending else column > value
    return [or_(further, and_(column == value, DEVICE.c.name > name))]
