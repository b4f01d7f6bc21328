"""A page of the devices there are: searched, filtered and sorted by the records, without reading the devices themselves."""

from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from lineshaft.access.projects.store import among
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.tables import DEVICE

SortKey = Literal["name", "path", "driver", "endpoint", "points", "gateway", "project", "changed"]
LONGEST_SEARCH: Final = 200
_SEARCHED: Final = (
    DEVICE.c.name, DEVICE.c.path, DEVICE.c.driver, DEVICE.c.endpoint, DEVICE.c.description, DEVICE.c.handle,
)  # fmt: skip
_SHOWN: Final = (*_SEARCHED, DEVICE.c.points, DEVICE.c.gateway, DEVICE.c.project, DEVICE.c.changed)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which devices, and in which order."""

    search: str = ""
    """Every word of it must be in name, path, driver, endpoint, description or handle, in whatever case."""
    driver: str = ""
    gateway: str = ""
    below: str = ""
    """A path: only what lies below it."""
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

    def key(self, sort: SortKey) -> tuple[str | int, str]:
        """Its place in a list sorted so."""
        return getattr(self, sort), self.name


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of devices."""

    items: Sequence[Summary]
    total: int
    """How many there are on all pages."""


def page(
    connection: Connection, tenant: str, wanted: Wanted, after: tuple[str | int, str] | None, limit: int,
    projects: Collection[str] | None,
) -> Listing:  # fmt: skip
    """Devices behind `after` (a `Summary.key`); of `projects` only where that is not None.

    Raises:
        InvalidInput: the search is too long.
    """
    if len(wanted.search) > LONGEST_SEARCH:
        raise InvalidInput(
            "edge.search_too_long", f"search has {len(wanted.search)} characters, more than {LONGEST_SEARCH}",
            "Fewer words find more.", field="search", value=len(wanted.search), maximum=LONGEST_SEARCH,
        )  # fmt: skip
    admitted = and_(DEVICE.c.tenant == tenant, among(DEVICE.c.project, projects), *_conditions(wanted))
    total = connection.scalar(select(func.count()).select_from(DEVICE).where(admitted)) or 0
    column = DEVICE.c[wanted.sort]
    query = select(*_SHOWN).where(admitted, *_behind(column, after, wanted))
    order = (column.desc() if wanted.descending else column, DEVICE.c.name)
    rows = connection.execute(query.order_by(*order).limit(limit))
    return Listing(items=[Summary(**row._mapping) for row in rows], total=total)  # noqa: SLF001  # SQLAlchemy's public name


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [
        or_(*(func.lower(column).contains(word, autoescape=True) for column in _SEARCHED))
        for word in wanted.search.lower().split()
    ]
    if wanted.driver:
        found.append(DEVICE.c.driver == wanted.driver)
    if wanted.gateway:
        found.append(DEVICE.c.gateway == wanted.gateway)
    if wanted.below:
        below = f"{wanted.below.rstrip('/')}/"
        found.append(func.substr(DEVICE.c.path, 1, len(below)) == below)
    return found


def _behind(column: Any, after: tuple[str | int, str] | None, wanted: Wanted) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    value, name = after
    further = column < value if wanted.descending else column > value
    return [or_(further, and_(column == value, DEVICE.c.name > name))]
