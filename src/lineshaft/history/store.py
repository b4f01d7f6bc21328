"""Tags: the table of their numbers, handles and paths. Used by `edge` and `web`; the writer needs no database.

A number is dense, given once and never again to another tag; a row is never deleted, so samples keep their name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
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

from lineshaft.core import clock, ids
from lineshaft.core.errors import InvalidInput, NotFound, TooLarge
from lineshaft.core.principals import HandleMinterLike
from lineshaft.history.model import MAXIMUM_TAG, Tag, TagSpec
from lineshaft.records import Database

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
    UniqueConstraint("tenant", "path", name="history_tag_tenant_path"),
)
_PART = 500
"""Values in one statement; engines bound them."""


class Tags:
    """The tags of an installation."""

    def __init__(self, db: Database, minter: HandleMinterLike, *, maximum: int = MAXIMUM_TAG) -> None:
        self._db = db
        self._minter = minter
        self._maximum = maximum

    def allocate(self, connection: Connection, tenant: str, specs: Sequence[TagSpec]) -> list[Tag]:
        """Give each path its tag, in the caller's write transaction; one that has a tag keeps number and handle.

        Unit, description, kind and device become what is given; a removed tag comes back.

        Raises:
            InvalidInput: a path that is none of seven levels, or one given twice.
            TooLarge: no numbers are left; nothing was allocated.
        """
        _check(specs)
        found = self._by_path(connection, tenant, [spec.path for spec in specs])
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

    async def find(self, tenant: str, paths: Iterable[str]) -> dict[str, Tag]:
        """Those of `paths` that are tags, removed ones included, by path."""
        return await self._db.query(self._by_path, tenant, [*paths])

    async def require(self, tenant: str, paths: Iterable[str]) -> list[Tag]:
        """The tags of `paths`, in their order.

        Raises:
            NotFound: names the first path that is no tag of this tenant.
        """
        wanted = [*paths]
        found = await self.find(tenant, wanted)
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
        self, tenant: str, *, prefix: str = "", after: str = "", limit: int = 100, removed: bool = False
    ) -> Sequence[Tag]:
        """Tags whose path begins with `prefix`, by path, behind `after`; removed ones only where asked for."""
        return await self._db.query(self._page, tenant, prefix, after, limit, removed)

    # -- in a transaction ---------------------------------------------------------------------------------------------

    @staticmethod
    def _describe(connection: Connection, tag: Tag, spec: TagSpec) -> Tag:
        described = msgspec.structs.replace(tag, removed=None, **_described(spec))
        if described != tag:
            connection.execute(update(TAG).where(TAG.c.number == tag.number).values(**_described(spec), removed=None))
        return described

    @staticmethod
    def _by_path(connection: Connection, tenant: str, paths: Sequence[str]) -> dict[str, Tag]:
        found: dict[str, Tag] = {}
        for part in _parts(paths):
            query = select(TAG).where(TAG.c.tenant == tenant, TAG.c.path.in_(part))
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
    def _page(
        connection: Connection,
        tenant: str,
        prefix: str,
        after: str,
        limit: int,
        removed: bool,  # noqa: FBT001
    ) -> Sequence[Tag]:
        chosen = select(TAG).where(TAG.c.tenant == tenant, TAG.c.path > after)
        if prefix:  # not LIKE: it means one thing on SQLite and another on PostgreSQL
            chosen = chosen.where(func.substr(TAG.c.path, 1, len(prefix)) == prefix)
        if not removed:
            chosen = chosen.where(TAG.c.removed.is_(None))
        return _tags(connection, chosen.order_by(TAG.c.path).limit(limit))


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
