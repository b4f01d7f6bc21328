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
MOST_OF_ONE: Final = 100
"""Of one person: nobody uses up what there is for everybody."""
KEPT_VERSIONS: Final = 500
"""Of a dashboard; older ones go."""
KEPT_CHARACTERS: Final = 4 * 2**20
"""Of all versions of a dashboard together; older ones go, the newest stays."""

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
    Column("since", Integer, nullable=False, server_default="1"),
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


_CHANGED: Final = ("project", "shared", "title", "widgets", "version", "changed", "since")
"""What a save changes of a dashboard."""


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
    since: int = 1
    """The first version that others may see: those before it were its owner's alone, or another project's."""

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

    async def list(
        self, reader: Principal, *, after: str = "", limit: int = 100, everybodys: bool = False
    ) -> Sequence[StoredDashboard]:
        """Dashboards by name, behind `after`.

        Args:
            everybodys: also those of the reader's projects that others have for themselves.
        """
        return await self._db.query(self._list, self._seen_by(reader, everybodys=everybodys), after, limit)

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

    async def diff(
        self, reader: Principal, name: str, before: int | None, after: int
    ) -> tuple[int, Sequence[Difference]]:
        """Which version another one is compared with, and what differs; 0 stands for nothing at all.

        Args:
            before: None: the one before, or nothing where there is none for the reader.

        Raises:
            NotFound: as `version`.
        """
        whole = await self.version(reader, name, after)
        if before is None:
            found = await self.versions(reader, name, before=after, limit=1)
            before, text = (found[0].version, found[0].text) if found else (0, "{}")
        else:
            text = await self._text(reader, name, before)
        return before, [*differences(_plain(text), _plain(whole.text))]

    async def create(self, author: Principal, board: Dashboard, comment: str) -> StoredDashboard:
        """A new dashboard of `author`'s, in `board.project`.

        Raises:
            Conflict: the name is taken. NotFound: no such project. Unprocessable: there are too many, the author's or all.
        """
        return await self._db.write(self._create, author, board, comment)

    async def save(
        self, author: Principal, board: Dashboard, comment: str, if_match: str | None = None, *, judged: str = ""
    ) -> StoredDashboard:
        """Save a dashboard as its next version; without a difference there is no new one.

        Args:
            judged: ETag of the dashboard on which it was decided that the author may.

        Raises:
            NotFound: no such dashboard or project. PreconditionFailed: it changed since the caller read it.
            Conflict: it changed since that was decided.
        """
        return await self._db.write(self._save, author, board, comment, if_match, judged)

    async def remove(self, author: Principal, name: str, *, judged: str = "", everybodys: bool = False) -> None:
        """Forget a dashboard and its versions.

        Args:
            judged: as for `save`.
            everybodys: whoever's it is, of the author's projects.

        Raises:
            NotFound: no such dashboard. Conflict: it changed since it was decided that the author may.
        """
        await self._db.write(self._remove, self._seen_by(author, everybodys=everybodys), name, judged)

    async def of_anybody(self, reader: Principal, name: str) -> StoredDashboard:
        """A dashboard of the reader's projects, whoever's and shared or not: for who may administer them.

        Raises:
            NotFound: there is none of that name.
        """
        return await self._db.query(self._row, self._seen_by(reader, everybodys=True), name)

    # -- in a transaction -----------------------------------------------------------------------------------------------

    def _list(
        self, connection: Connection, seen: ColumnElement[bool], after: str, limit: int
    ) -> Sequence[StoredDashboard]:
        query = select(DASHBOARD).where(seen, DASHBOARD.c.name > after)
        return [_stored(row) for row in connection.execute(query.order_by(DASHBOARD.c.name).limit(limit))]

    def _get(self, connection: Connection, reader: Principal, name: str) -> tuple[StoredDashboard, Version]:
        stored = self._one(connection, reader, name)
        return stored, self._at(connection, name, stored.version)

    def _one(self, connection: Connection, reader: Principal, name: str) -> StoredDashboard:
        return self._row(connection, self._seen_by(reader), name)

    def _row(self, connection: Connection, seen: ColumnElement[bool], name: str) -> StoredDashboard:
        row = connection.execute(select(DASHBOARD).where(seen, DASHBOARD.c.name == name)).first()
        if row is None:
            raise NotFound(
                "web.dashboard_unknown", f"there is no dashboard {name[:64]!r}",
                "`lineshaft dashboard list` shows your own and those shared with you.", field="name", name=name[:64],
            )  # fmt: skip
        return _stored(row)

    def _at(self, connection: Connection, name: str, version: int, first: int = 1) -> Version:
        there = and_(self._of(VERSION, name), VERSION.c.version == version, VERSION.c.version >= first)
        row = connection.execute(select(VERSION).where(there)).first()
        if row is None:
            raise NotFound(
                "web.dashboard_version_unknown", f"the dashboard {name[:64]!r} has no version {version}",
                "`lineshaft dashboard versions` shows those it has.", name=name[:64], version=version,
            )  # fmt: skip
        return _version(row)

    def _versions(
        self, connection: Connection, reader: Principal, name: str, before: int, limit: int
    ) -> Sequence[Version]:
        first = _first(self._one(connection, reader, name), reader)
        query = select(VERSION).where(
            self._of(VERSION, name), VERSION.c.version < before, VERSION.c.version >= first
        )  # fmt: skip
        rows = connection.execute(query.order_by(VERSION.c.version.desc()).limit(limit))
        return [_version(row) for row in rows]

    def _version(self, connection: Connection, reader: Principal, name: str, version: int) -> Version:
        first = _first(self._one(connection, reader, name), reader)
        return self._at(connection, name, version, first)

    async def _text(self, reader: Principal, name: str, version: int) -> str:
        return (await self.version(reader, name, version)).text if version else "{}"

    def _create(self, connection: Connection, author: Principal, board: Dashboard, comment: str) -> StoredDashboard:
        require_project(connection, self._tenant, board.project)
        self._check_room(connection, author)
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

    def _check_room(self, connection: Connection, author: Principal) -> None:
        count = select(func.count()).select_from(DASHBOARD).where(DASHBOARD.c.tenant == self._tenant)
        if (connection.scalar(count.where(DASHBOARD.c.owner == author.id)) or 0) >= MOST_OF_ONE:
            raise Unprocessable(
                "web.dashboards_own_too_many", f"you have {MOST_OF_ONE} dashboards already",
                "Delete some of your own that nobody looks at.", maximum=MOST_OF_ONE,
            )  # fmt: skip
        if (connection.scalar(count) or 0) >= MOST_DASHBOARDS:
            raise Unprocessable(
                "web.dashboards_too_many", f"there are {MOST_DASHBOARDS} dashboards already",
                "Delete some that nobody looks at; an administrator sees and deletes everybody's.",
                maximum=MOST_DASHBOARDS,
            )  # fmt: skip

    def _save(
        self, connection: Connection, author: Principal, board: Dashboard, comment: str, if_match: str | None,
        judged: str,
    ) -> StoredDashboard:  # fmt: skip
        before, newest = self._get(connection, author, board.name)
        check_match(if_match, before.etag)
        _check_judged(judged, before)
        if newest.text == board.text:
            return before
        require_project(connection, self._tenant, board.project)
        version = before.version + 1
        to_others = board.project != before.project or (board.shared and not before.shared)
        stored = msgspec.structs.replace(
            before, project=board.project, shared=board.shared, title=board.title, widgets=len(board.widgets),
            version=version, changed=clock.now_us(), since=version if to_others else before.since,
        )  # fmt: skip
        values = {key: getattr(stored, key) for key in _CHANGED}
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
        lengths = select(VERSION.c.version, func.length(VERSION.c.text)).where(self._of(VERSION, stored.name))
        kept, left = stored.version, KEPT_CHARACTERS
        for version, length in connection.execute(lengths.order_by(VERSION.c.version.desc()).limit(KEPT_VERSIONS)):
            left -= length
            if left < 0 and version != stored.version:
                break
            kept = version
        connection.execute(delete(VERSION).where(self._of(VERSION, stored.name), VERSION.c.version < kept))

    def _remove(self, connection: Connection, seen: ColumnElement[bool], name: str, judged: str) -> None:
        _check_judged(judged, self._row(connection, seen, name))
        for table in (VERSION, DASHBOARD):
            connection.execute(delete(table).where(self._of(table, name)))

    def _of(self, table: Table, name: str) -> ColumnElement[bool]:
        return and_(table.c.tenant == self._tenant, table.c.name == name)

    def _seen_by(self, reader: Principal, *, everybodys: bool = False) -> ColumnElement[bool]:
        """One's own and shared ones, or everybody's, in one's projects."""
        there = and_(DASHBOARD.c.tenant == self._tenant, among(DASHBOARD.c.project, reader.projects))
        return there if everybodys else and_(there, or_(DASHBOARD.c.shared, DASHBOARD.c.owner == reader.id))


def _first(stored: StoredDashboard, reader: Principal) -> int:
    """The first version that there is for the reader."""
    return 1 if stored.owner == reader.id else stored.since


def _check_judged(judged: str, now: StoredDashboard) -> None:
    if judged and judged != now.etag:
        raise Conflict(
            "web.dashboard_changed_meanwhile", f"somebody changed the dashboard {now.name!r} at the same moment",
            "Look at it as it is now, and try again.", field="name", name=now.name,
        )  # fmt: skip


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
