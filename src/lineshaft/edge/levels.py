"""The plant level by level (ISA-95): what lies right below a path, with how many devices and how they stand."""

from collections.abc import Collection, Mapping
from itertools import groupby, takewhile
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from lineshaft.access.projects.store import among
from lineshaft.edge.listing import UNKNOWN, at_or_below
from lineshaft.edge.tables import DEVICE

WELL: Final = "connected"


class PlantLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A level of the plant, or a device where nothing is below it.

    Levels that only lead to the next one are one: `tennessee/process` where the site has one area.
    """

    path: str
    devices: int
    """Below it; 1 where it is one."""
    well: int
    """Of them, those that are connected."""
    device: str = ""
    """Its name, where it is one."""
    points: int = 0
    """Of the device."""
    state: str = ""
    """Of the device."""


class PlantLevels(msgspec.Struct, frozen=True, kw_only=True):
    """What lies right below a path, by path."""

    items: list[PlantLevel]
    total: int
    """How many there are, shown or not."""


def levels(
    connection: Connection, tenant: str, below: str, states: Mapping[str, str], limit: int,
    projects: Collection[str] | None,
) -> PlantLevels:  # fmt: skip
    """The first levels right below a path; the whole plant's where it is empty.

    Args:
        states: by the devices' names; one that is not there is `unknown`.
        projects: only devices of these, where that is not None.
    """
    root = below.rstrip("/")
    start = len(root) + 1 if root else 0
    query = select(DEVICE.c.path, DEVICE.c.name, DEVICE.c.points).where(
        DEVICE.c.tenant == tenant, among(DEVICE.c.project, projects), *([at_or_below(root)] if root else []),
    )  # fmt: skip
    # Sorted here: what begins alike must stand together, whatever order a database gives texts.
    rows = sorted(tuple(row) for row in connection.execute(query) if row.path != root)
    groups = [[*group] for _, group in groupby(rows, key=lambda row: row[0][start:].partition("/")[0])]
    return PlantLevels(items=[_level(group, root, states) for group in groups[:limit]], total=len(groups))


def _level(rows: list[tuple[str, str, int]], root: str, states: Mapping[str, str]) -> PlantLevel:
    """One level of the devices that share the next name of their paths."""
    # They are sorted: what the first and the last share, all of them share.
    pairs = zip(rows[0][0].split("/")[:-1], rows[-1][0].split("/")[:-1], strict=False)
    shared = "/".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    well = sum(states.get(name) == WELL for _, name, _ in rows)
    if len(rows) > 1 or shared != root:
        return PlantLevel(path=shared, devices=len(rows), well=well)
    path, name, points = rows[0]
    return PlantLevel(path=path, devices=1, well=well, device=name, points=points, state=states.get(name, UNKNOWN))
