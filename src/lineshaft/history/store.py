"""Tags: the table of their numbers, handles and paths. Used by `edge` and `web`; the writer needs no database.

A number is dense, given once and never again to another tag; a row is never deleted, so samples keep their name.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)

from lineshaft.access.projects.store import among
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, TooLarge
from lineshaft.core.principals import MAIN_PROJECT, HandleMinterLike
from lineshaft.history import owners
from lineshaft.history.model import MAXIMUM_TAG, Tag, TagSpec
from lineshaft.records import Database, outbox
from lineshaft.records.searching import mentioned

METADATA = MetaData()

TAG = Table(
    "history_tag",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String, nullable=False),
    Column("path", String, nullable=False),
    Column("handle", String, nullable=False, unique=True),
    Column("unit", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("device", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("removed", BigInteger),
    Column("project", String, nullable=False, server_default="main"),
    UniqueConstraint("tenant", "path", name="history_tag_tenant_path"),
)
OWNER = Table(
    "history_owner",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("gateway", String, primary_key=True),
    Column("numbers", LargeBinary, nullable=False),
)
"""Tags that gateways have or had, as ranges; numbers are only ever added."""
_PART = 500
"""Values in one statement; engines bound them."""

_SEARCHED = (TAG.c.path, TAG.c.description, TAG.c.handle)


class Tags:
    """The tags of an installation."""

    def __init__(self, db: Database, minter: HandleMinterLike, *, maximum: int = MAXIMUM_TAG) -> None:
        self._db = db
        self._minter = minter
        self._maximum = maximum

    def allocate(
        self, connection: Connection, tenant: str, specs: Sequence[TagSpec], *, moved_from: str = ""
    ) -> list[Tag]:
        """Give each path its tag, in the caller's write transaction; one that has a tag keeps number and handle.

        Unit, description, kind and device become what is given; a removed tag comes back.

        Args:
            moved_from: the project that tags may leave for the one that their specs name.

        Raises:
            InvalidInput: a path that is none of seven levels, or one given twice.
            Conflict: a path has a tag, with a history, of a third project; nothing was allocated.
            TooLarge: no numbers are left; nothing was allocated.
        """
        _check(specs)
        found = self._by_path(connection, tenant, [spec.path for spec in specs])
        _check_projects(specs, found, moved_from)
        last = connection.scalar(select(func.max(TAG.c.number))) or 0
        new = [spec for spec in specs if spec.path not in found]
        if last + len(new) > self._maximum:
            raise TooLarge(
                "history.tags_exhausted", f"{len(new)} new tags after number {last} are more than {self._maximum}",
                "Remove what is not needed from the import, or use a second history.",
                field="tags", value=len(new), maximum=self._maximum,
            )  # fmt: skip
        tags = dict(found)
        now_us = clock.now_us()
        for number, spec in enumerate(new, last + 1):
            tags[spec.path] = Tag(
                number=number, tenant=tenant, handle=self._minter.mint("tag"), created=now_us, **_described(spec)
            )
        if new:
            connection.execute(insert(TAG), [msgspec.structs.asdict(tags[spec.path]) for spec in new])
        for spec in specs:
            if spec.path in found:
                tags[spec.path] = self._describe(connection, found[spec.path], spec)
        return [tags[spec.path] for spec in specs]

    def remove(self, connection: Connection, tenant: str, paths: Iterable[str]) -> None:
        """Mark tags as no longer configured, in the caller's write transaction; their samples stay."""
        for part in _parts([*paths]):
            chosen = (TAG.c.tenant == tenant) & TAG.c.path.in_(part) & TAG.c.removed.is_(None)
            connection.execute(update(TAG).where(chosen).values(removed=clock.now_us()))

    def project_of(self, connection: Connection, tenant: str, paths: Sequence[str]) -> str:
        """The project of the first of these paths that has a tag, removed or not; `main` where none has."""
        found = self._by_path(connection, tenant, paths)
        return next((found[path].project for path in paths if path in found), MAIN_PROJECT)

    def taken(self, connection: Connection, tenant: str, paths: Sequence[str]) -> list[str]:
        """Those of these paths that have a tag, removed or not, in their order."""
        found = self._by_path(connection, tenant, paths)
        return [path for path in paths if path in found]

    async def find(self, tenant: str, paths: Iterable[str], projects: Collection[str] | None = None) -> dict[str, Tag]:
        """Those of `paths` that are tags, of these projects or of all, removed ones included, by path."""
        return await self._db.query(self._by_path, tenant, [*paths], projects)

    async def of_handle(self, tenant: str, handle: str) -> Tag | None:
        """The tag of that handle; None where there is none."""
        path = await self._db.query(
            lambda connection: connection.scalar(
                select(TAG.c.path).where(TAG.c.tenant == tenant, TAG.c.handle == handle)
            )
        )
        return None if path is None else (await self.find(tenant, [path])).get(path)

    async def require(self, tenant: str, paths: Iterable[str], projects: Collection[str] | None = None) -> list[Tag]:
        """The tags of `paths`, in their order.

        Args:
            projects: whose tags there are for whoever asks; None: every project's.

        Raises:
            NotFound: names the first path that is no tag of this tenant and these projects.
        """
        wanted = [*paths]
        found = await self.find(tenant, wanted, projects)
        for path in wanted:
            if path not in found:
                raise NotFound(
                    "history.tag_unknown", f"there is no tag {path[:255]!r}",
                    "`lineshaft history tags` and GET /api/v1/history/tags list them.", field="tag", value=path[:255],
                )  # fmt: skip
        return [found[path] for path in wanted]

    async def by_number(self, tenant: str, numbers: Iterable[int]) -> dict[int, Tag]:
        """Those of `numbers` that are tags of this tenant, by number."""
        return await self._db.query(self._by_number, tenant, [*numbers])

    async def list(
        self, tenant: str, *, prefix: str = "", after: str = "", limit: int = 100, removed: bool = False,
        projects: Collection[str] | None = None, search: str = "",
    ) -> Sequence[Tag]:  # fmt: skip
        """Tags whose path begins with `prefix`, by path, behind `after`; removed ones only where asked for.

        Args:
            search: words, each of which is somewhere in path, description or handle, in whatever case.
        """
        return await self._db.query(self._page, tenant, prefix, after, limit, removed, projects, search)

    async def projects_below(self, tenant: str, objects: Iterable[str]) -> dict[str, frozenset[str]]:
        """For each path, part of a path, or handle: the projects of the tags that it is, or that lie below it."""
        return await self._db.query(self._projects_below, tenant, [*dict.fromkeys(objects)])

    # -- in a transaction ---------------------------------------------------------------------------------------------

    @staticmethod
    def _describe(connection: Connection, tag: Tag, spec: TagSpec) -> Tag:
        described = msgspec.structs.replace(tag, removed=None, **_described(spec))
        if described != tag:
            connection.execute(update(TAG).where(TAG.c.number == tag.number).values(**_described(spec), removed=None))
        return described

    @staticmethod
    def _by_path(
        connection: Connection, tenant: str, paths: Sequence[str], projects: Collection[str] | None = None
    ) -> dict[str, Tag]:
        found: dict[str, Tag] = {}
        for part in _parts(paths):
            query = select(TAG).where(TAG.c.tenant == tenant, TAG.c.path.in_(part), among(TAG.c.project, projects))
            found.update((tag.path, tag) for tag in _tags(connection, query))
        return found

    @staticmethod
    def _by_number(connection: Connection, tenant: str, numbers: Sequence[int]) -> dict[int, Tag]:
        found: dict[int, Tag] = {}
        for part in _parts(numbers):
            query = select(TAG).where(TAG.c.tenant == tenant, TAG.c.number.in_(part))
            found.update((tag.number, tag) for tag in _tags(connection, query))
        return found

    @staticmethod
    def _projects_below(connection: Connection, tenant: str, objects: Sequence[str]) -> dict[str, frozenset[str]]:
        mine = TAG.c.tenant == tenant
        found: dict[str, frozenset[str]] = {}
        for part in _parts(objects):
            for column in (TAG.c.path, TAG.c.handle):
                rows = connection.execute(select(column, TAG.c.project).where(mine, column.in_(part)))
                found.update((row[0], frozenset({row[1]})) for row in rows)
        for name in objects:
            if name not in found:
                below = f"{name}/"
                query = select(TAG.c.project).distinct().where(mine, func.substr(TAG.c.path, 1, len(below)) == below)
                found[name] = frozenset(connection.scalars(query))
        return found

    @staticmethod
    def _page(
        connection: Connection,
        tenant: str,
        prefix: str,
        after: str,
        limit: int,
        removed: bool,  # noqa: FBT001
        projects: Collection[str] | None,
        search: str,
    ) -> Sequence[Tag]:
        chosen = select(TAG).where(TAG.c.tenant == tenant, TAG.c.path > after, among(TAG.c.project, projects))
        if prefix:  # not LIKE: it means one thing on SQLite and another on PostgreSQL
            chosen = chosen.where(func.substr(TAG.c.path, 1, len(prefix)) == prefix)
        if not removed:
            chosen = chosen.where(TAG.c.removed.is_(None))
        chosen = chosen.where(*mentioned(connection, _SEARCHED, search))
        return _tags(connection, chosen.order_by(TAG.c.path).limit(limit))


def own(connection: Connection, subjects: Subjects, gateway: str, numbers: Iterable[int]) -> None:
    """Let a gateway send these tags, in the caller's write transaction; before it hears of them it is said on the bus.

    It is said each time, changed or not: a bus that lost its streams learns it again.
    """
    mine = OWNER.c.tenant == subjects.tenant
    rows = connection.execute(select(OWNER.c.gateway, OWNER.c.numbers).where(mine))
    owned = {row.gateway: msgspec.json.decode(row.numbers, type=owners.Ranges) for row in rows}
    before = owned.get(gateway)
    owned[gateway] = owners.merge(before or (), numbers)
    values = {"numbers": msgspec.json.encode(owned[gateway])}
    if before is None:
        connection.execute(insert(OWNER).values(tenant=subjects.tenant, gateway=gateway, **values))
    elif before != owned[gateway]:
        connection.execute(update(OWNER).where(mine, OWNER.c.gateway == gateway).values(**values))
    outbox.add(connection, subjects.tag_owners(), owners.encode(owned))


def _check_projects(specs: Sequence[TagSpec], found: Mapping[str, Tag], moved_from: str) -> None:
    """A tag of another project has a history that is not for this one's members."""
    for spec in specs:
        tag = found.get(spec.path)
        if tag is not None and tag.project not in (spec.project, moved_from):
            raise Conflict(
                "history.tag_of_another_project", f"the tag {spec.path!r} is, or was, in another project than {spec.project!r}",
                "Choose another path; or let an administrator add it where it was, and move the device.",
                field="path", value=spec.path, project=spec.project,
            )  # fmt: skip


def _check(specs: Sequence[TagSpec]) -> None:
    seen = set()
    for spec in specs:
        ids.check_path(spec.path, field="tag path", levels=len(ids.PATH_LEVELS))
        if spec.path in seen:
            raise InvalidInput(
                "history.tag_repeated", f"the tag path {spec.path!r} is given twice",
                "A path names one tag: rename one of the two points.", field="path", value=spec.path,
            )  # fmt: skip
        seen.add(spec.path)


def _described(spec: TagSpec) -> Mapping[str, Any]:
    return msgspec.structs.asdict(spec)


def _tags(connection: Connection, query: Select[Any]) -> list[Tag]:
    return [Tag(**row) for row in connection.execute(query).mappings()]


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _PART):
        yield values[start : start + _PART]
