"""Dashboards in the records: the newest state of each, and every version there was."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from lineshaft.access.projects.store import among
from lineshaft.access.projects.store import require as require_project
from lineshaft.core import clock
from lineshaft.core.differences import Difference, differences
from lineshaft.core.errors import Conflict, NotFound, Unprocessable
from lineshaft.core.http import check_match, etag
from lineshaft.core.principals import HandleMinterLike, Principal
from lineshaft.records import Database
from lineshaft.web.dashboards.check import read
from lineshaft.web.dashboards.model import Dashboard

METADATA = MetaData()
MOST_DASHBOARDS: Final = 2000
"""Of a tenant."""
KEPT_VERSIONS: Final = 500
"""Of a dashboard; older ones go."""

DASHBOARD = Table(
    "web_dashboard",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("handle", String, nullable=False, unique=True),
    Column("project", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("owner_name", String, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("title", Text, nullable=False),
    Column("widgets", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)
VERSION = Table(
    "web_dashboard_version",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("author", String, nullable=False),
    Column("author_name", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("comment", Text, nullable=False),
)


class StoredDashboard(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard as lists show it."""

    name: str
    handle: str
    project: str
    owner: str
    """Handle of a principal."""
    owner_name: str
    shared: bool
    title: str
    widgets: int
    version: int
    created: int
    changed: int
    """Microseconds UTC."""

    @property
    def etag(self) -> str:
        """Changes with each version."""
        return etag([self.handle, self.version])


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version that was saved."""

    version: int
    text: str
    author: str
    """Handle of a principal."""
    author_name: str
    created: int
    comment: str


class Dashboards:
    """The dashboards of a tenant. Whoever asks finds those that are their own or shared, in their projects."""

    def __init__(self, db: Database, tenant: str, minter: HandleMinterLike) -> None:
        self._db = db
        self._tenant = tenant
        self._minter = minter

    async def list(self, reader: Principal, *, after: str = "", limit: int = 100) -> Sequence[StoredDashboard]:
        """Dashboards by name, behind `after`."""
        return await self._db.query(self._list, reader, after, limit)

    async def get(self, reader: Principal, name: str) -> tuple[StoredDashboard, Version]:
        """One dashboard and its newest version.

        Raises:
            NotFound: there is none of that name for the reader.
        """
        return await self._db.query(self._get, reader, name)

    async def versions(self, reader: Principal, name: str, *, before: int, limit: int) -> Sequence[Version]:
        """Versions, newest first, of those below `before`.

        Raises:
            NotFound: no such dashboard.
        """
        return await self._db.query(self._versions, reader, name, before, limit)

    async def version(self, reader: Principal, name: str, version: int) -> Version:
        """One version.

        Raises:
            NotFound: no such dashboard, or it never had that version, or has it no more.
        """
        return await self._db.query(self._version, reader, name, version)

    async def diff(self, reader: Principal, name: str, before: int, after: int) -> Sequence[Difference]:
        """What differs between two versions; 0 stands for nothing at all.

        Raises:
            NotFound: as `version`.
        """
        texts = [await self._text(reader, name, version) for version in (before, after)]
        return [*differences(*map(_plain, texts))]

    async def create(self, author: Principal, board: Dashboard, comment: str) -> StoredDashboard:
        """A new dashboard of `author`'s, in `board.project`.

        Raises:
            Conflict: the name is taken. NotFound: no such project. Unprocessable: there are too many.
        """
        return await self._db.write(self._create, author, board, comment)

    async def save(
        self, author: Principal, board: Dashboard, comment: str, if_match: str | None = None
    ) -> StoredDashboard:
        """Save a dashboard as its next version; without a difference there is no new one.

        Raises:
            NotFound: no such dashboard or project. PreconditionFailed: it changed since the caller read it.
        """
        return await self._db.write(self._save, author, board, comment, if_match)

    async def remove(self, author: Principal, name: str) -> None:
        """Forget a dashboard and its versions.

        Raises:
            NotFound: no such dashboard.
        """
        await self._db.write(self._remove, author, name)

    # -- in a transaction -----------------------------------------------------------------------------------------------

    def _list(self, connection: Connection, reader: Principal, after: str, limit: int) -> Sequence[StoredDashboard]:
        query = select(DASHBOARD).where(self._seen_by(reader), DASHBOARD.c.name > after)
        return [_stored(row) for row in connection.execute(query.order_by(DASHBOARD.c.name).limit(limit))]

    def _get(self, connection: Connection, reader: Principal, name: str) -> tuple[StoredDashboard, Version]:
        stored = self._one(connection, reader, name)
        return stored, self._at(connection, name, stored.version)

    def _one(self, connection: Connection, reader: Principal, name: str) -> StoredDashboard:
        row = connection.execute(select(DASHBOARD).where(self._seen_by(reader), DASHBOARD.c.name == name)).first()
        if row is None:
            raise NotFound(
                "web.dashboard_unknown", f"there is no dashboard {name[:64]!r}",
                "`lineshaft dashboard list` shows your own and those shared with you.", field="name", name=name[:64],
            )  # fmt: skip
        return _stored(row)

    def _at(self, connection: Connection, name: str, version: int) -> Version:
        row = connection.execute(select(VERSION).where(self._of(VERSION, name), VERSION.c.version == version)).first()
        if row is None:
            raise NotFound(
                "web.dashboard_version_unknown", f"the dashboard {name[:64]!r} has no version {version}",
                "`lineshaft dashboard versions` shows those it has.", name=name[:64], version=version,
            )  # fmt: skip
        return _version(row)

    def _versions(
        self, connection: Connection, reader: Principal, name: str, before: int, limit: int
    ) -> Sequence[Version]:
        self._one(connection, reader, name)
        query = select(VERSION).where(self._of(VERSION, name), VERSION.c.version < before)
        rows = connection.execute(query.order_by(VERSION.c.version.desc()).limit(limit))
        return [_version(row) for row in rows]

    def _version(self, connection: Connection, reader: Principal, name: str, version: int) -> Version:
        self._one(connection, reader, name)
        return self._at(connection, name, version)

    async def _text(self, reader: Principal, name: str, version: int) -> str:
        return (await self.version(reader, name, version)).text if version else "{}"

    def _create(self, connection: Connection, author: Principal, board: Dashboard, comment: str) -> StoredDashboard:
        require_project(connection, self._tenant, board.project)
        count = select(func.count()).select_from(DASHBOARD).where(DASHBOARD.c.tenant == self._tenant)
        if (connection.scalar(count) or 0) >= MOST_DASHBOARDS:
            raise Unprocessable(
                "web.dashboards_too_many", f"there are {MOST_DASHBOARDS} dashboards already",
                "Delete some that nobody looks at.", maximum=MOST_DASHBOARDS,
            )  # fmt: skip
        if connection.scalar(select(DASHBOARD.c.name).where(self._of(DASHBOARD, board.name))) is not None:
            raise Conflict(
                "web.dashboard_exists", f"there is a dashboard {board.name!r} already",
                "Choose another name; it may be somebody's own that you do not see.", field="name", name=board.name,
            )  # fmt: skip
        now = clock.now_us()
        stored = StoredDashboard(
            name=board.name, handle=self._minter.mint("dashboard"), project=board.project, owner=author.id,
            owner_name=author.name, shared=board.shared, title=board.title, widgets=len(board.widgets), version=1,
            created=now, changed=now,
        )  # fmt: skip
        connection.execute(insert(DASHBOARD).values(tenant=self._tenant, **msgspec.structs.asdict(stored)))
        self._add_version(connection, stored, board, author, comment)
        return stored

    def _save(
        self, connection: Connection, author: Principal, board: Dashboard, comment: str, if_match: str | None
    ) -> StoredDashboard:
        before, newest = self._get(connection, author, board.name)
        check_match(if_match, before.etag)
        if newest.text == board.text:
            return before
        require_project(connection, self._tenant, board.project)
        stored = msgspec.structs.replace(
            before, project=board.project, shared=board.shared, title=board.title, widgets=len(board.widgets),
            version=before.version + 1, changed=clock.now_us(),
        )  # fmt: skip
        values = {key: getattr(stored, key) for key in ("project", "shared", "title", "widgets", "version", "changed")}
        connection.execute(update(DASHBOARD).where(self._of(DASHBOARD, board.name)).values(**values))
        self._add_version(connection, stored, board, author, comment)
        return stored

    def _add_version(
        self, connection: Connection, stored: StoredDashboard, board: Dashboard, author: Principal, comment: str
    ) -> None:
        connection.execute(
            insert(VERSION).values(
                tenant=self._tenant, name=stored.name, version=stored.version, text=board.text, author=author.id,
                author_name=author.name, created=stored.changed, comment=comment,
            )
        )  # fmt: skip
        old = VERSION.c.version <= stored.version - KEPT_VERSIONS
        connection.execute(delete(VERSION).where(self._of(VERSION, stored.name), old))

    def _remove(self, connection: Connection, author: Principal, name: str) -> None:
        self._one(connection, author, name)
        for table in (VERSION, DASHBOARD):
            connection.execute(delete(table).where(self._of(table, name)))

    def _of(self, table: Table, name: str) -> ColumnElement[bool]:
        return and_(table.c.tenant == self._tenant, table.c.name == name)

    def _seen_by(self, reader: Principal) -> ColumnElement[bool]:
        """One's own and shared ones, in one's projects."""
        mine = or_(DASHBOARD.c.shared, DASHBOARD.c.owner == reader.id)
        return and_(DASHBOARD.c.tenant == self._tenant, among(DASHBOARD.c.project, reader.projects), mine)


def _stored(row: Any) -> StoredDashboard:
    return StoredDashboard(**{field: getattr(row, field) for field in StoredDashboard.__struct_fields__})


def _version(row: Any) -> Version:
    return Version(**{field: getattr(row, field) for field in Version.__struct_fields__})


def _plain(text: str) -> Any:
    """The document with its widgets by their ids, and their parts too."""
    document = msgspec.json.decode(text)
    if "widgets" in document:
        document["widgets"] = _by_id(document["widgets"])
        for widget in document["widgets"].values():
            if "nodes" in widget:
                widget["nodes"] = _by_id(widget["nodes"])
    return document


def _by_id(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {item["id"]: {key: value for key, value in item.items() if key != "id"} for item in items}


def restored(text: str, now: StoredDashboard) -> Dashboard:
    """An older version as it would be now: whose it is and who sees it stays.

    Raises:
        InvalidInput: it breaks a rule that came later.
    """
    return msgspec.structs.replace(read(text), project=now.project, shared=now.shared)
