"""What of the objects that labels, holds and approvals are about is there for a caller.

A tag has the project of its device, a path above tags the projects of all tags below it, a dataset its own. What is
in no project (a stream, a table, a path without tags) belongs to the whole tenant and counts as of `main`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from sqlalchemy import Connection, select

from lineshaft.access.labels.model import Subject
from lineshaft.access.labels.store import DATASET
from lineshaft.core.errors import NotFound
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.records import Database


class TagProjects(Protocol):
    """What is asked of the history's tags, which lie in a layer above."""

    async def projects_below(self, tenant: str, objects: Iterable[str]) -> dict[str, frozenset[str]]: ...


class Sight:
    """What one caller sees."""

    def __init__(self, principal: Principal, database: Database, tags: TagProjects) -> None:
        self._principal = principal
        self._database = database
        self._tags = tags

    async def seen(self, subjects: Iterable[Subject]) -> set[tuple[str, str]]:
        """(kind, path) of those objects of which the caller sees at least a part."""
        wanted = [*subjects]
        found = await self._projects(wanted)
        mine = self._principal.projects
        return {key for key, projects in found.items() if mine is None or not projects.isdisjoint(mine)}

    async def require_seen(self, subjects: Sequence[Subject]) -> None:
        """Refuse objects of which the caller sees nothing.

        Raises:
            NotFound: names the first.
        """
        seen = await self.seen(subjects)
        _refuse(subjects, seen)

    async def require_whole(self, subjects: Sequence[Subject]) -> None:
        """Refuse objects of which a part lies in a project that the caller is no member of: they cannot change them.

        Raises:
            NotFound: names the first.
        """
        found = await self._projects(subjects)
        mine = self._principal.projects
        _refuse(subjects, {key for key, projects in found.items() if mine is None or projects <= {*mine}})

    async def _projects(self, subjects: Sequence[Subject]) -> Mapping[tuple[str, str], AbstractSet[str]]:
        keys = dict.fromkeys((one.kind, one.path) for one in subjects)
        if self._principal.projects is None:
            return dict.fromkeys(keys, frozenset())
        tenant = self._principal.tenant
        below = await self._tags.projects_below(tenant, [path for kind, path in keys if kind == "tag"])
        named = [path for kind, path in keys if kind == "dataset"]
        datasets = await self._database.query(_datasets, tenant, named) if named else {}
        known: dict[str, Mapping[str, Any]] = {"tag": below, "dataset": datasets}
        return {(kind, path): known.get(kind, {}).get(path) or frozenset({MAIN_PROJECT}) for kind, path in keys}


def _datasets(connection: Connection, tenant: str, names: list[str]) -> dict[str, frozenset[str]]:
    query = select(DATASET.c.name, DATASET.c.project).where(DATASET.c.tenant == tenant)
    wanted = {*names}
    return {row.name: frozenset({row.project}) for row in connection.execute(query) if row.name in wanted}


def _refuse(subjects: Sequence[Subject], admitted: Collection[tuple[str, str]]) -> None:
    for one in subjects:
        if (one.kind, one.path) not in admitted:
            raise NotFound(
                "access.object_unknown", f"there is no {one.kind} {one.path[:255]!r}",
                "Lists show what is there for you.", object=one.path[:255], kind=one.kind,
            )  # fmt: skip
