"""Documents of gateway parts in the records; a change commits the gateway's next configuration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, delete, insert, select, update

from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.errors import NotFound
from lineshaft.core.http import check_match, etag
from lineshaft.edge.model import decode_config
from lineshaft.edge.parts.model import Document, check_document
from lineshaft.edge.store import Change, commit
from lineshaft.edge.tables import CONFIG, METADATA
from lineshaft.records import Database

PART = Table(
    "edge_part",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("gateway", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("changed", BigInteger, nullable=False),
)


class StoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part's document as it is configured."""

    gateway: str
    name: str
    document: Document
    changed: int
    """Microseconds UTC."""

    @property
    def etag(self) -> str:
        """Changes with the document."""
        return etag([self.gateway, self.name, self.document])


class PartDocuments:
    """The documents of a tenant's gateways."""

    def __init__(self, db: Database, subjects: Subjects) -> None:
        self._db = db
        self._subjects = subjects

    async def list(self, gateway: str) -> Sequence[StoredPart]:
        """Every document of a gateway, by name."""
        return await self._db.query(read_parts, self._subjects.tenant, gateway)

    async def get(self, gateway: str, name: str) -> StoredPart:
        """One document.

        Raises:
            NotFound: the part is not configured there.
        """
        return await self._db.query(self._get, gateway, name)

    async def find(self, gateway: str, name: str) -> StoredPart | None:
        """One document; None where the part does its default."""
        return next((stored for stored in await self.list(gateway) if stored.name == name), None)

    async def ever(self, gateway: str, name: str) -> bool:
        """Whether any configuration of a gateway had a document of a part."""
        return await self._db.query(self._ever, gateway, name)

    async def put(
        self, gateway: str, name: str, document: Document, change: Change, *, if_match: str | None = None
    ) -> StoredPart:
        """Configure a part.

        Raises:
            NotFound: there is no such part. InvalidInput: the document cannot be.
            PreconditionFailed: it changed since the caller read it.
        """
        check_document(name, document)
        return await self._db.write(self._put, gateway, name, document, change, if_match)

    async def remove(self, gateway: str, name: str, change: Change, *, if_match: str | None = None) -> None:
        """Have the part do its default again.

        Raises:
            NotFound: it is not configured there. PreconditionFailed: it changed since the caller read it.
        """
        await self._db.write(self._remove, gateway, name, change, if_match)

    def _ever(self, connection: Connection, gateway: str, name: str) -> bool:
        query = select(CONFIG.c.document).where(CONFIG.c.tenant == self._subjects.tenant, CONFIG.c.gateway == gateway)
        return any(name in decode_config(row.document).parts for row in connection.execute(query))

    def _get(self, connection: Connection, gateway: str, name: str) -> StoredPart:
        for stored in read_parts(connection, self._subjects.tenant, gateway):
            if stored.name == name:
                return stored
        raise NotFound(
            "edge.part_not_configured", f"the part {name[:64]!r} of {gateway[:64]!r} is not configured: it does its default",
            "PUT a document to configure it.", part=name[:64], gateway=gateway[:64],
        )  # fmt: skip

    def _put(
        self, connection: Connection, gateway: str, name: str, document: Document, change: Change, if_match: str | None
    ) -> StoredPart:
        tenant = self._subjects.tenant
        before = next((one for one in read_parts(connection, tenant, gateway) if one.name == name), None)
        if if_match is not None:
            check_match(if_match, before.etag if before else "")
        stored = StoredPart(gateway=gateway, name=name, document=document, changed=clock.now_us())
        values = {"document": msgspec.json.encode(document), "changed": stored.changed}
        if before is None:
            connection.execute(insert(PART).values(tenant=tenant, gateway=gateway, name=name, **values))
        else:
            connection.execute(update(PART).where(*_chosen(tenant, gateway, name)).values(**values))
        commit(connection, self._subjects, gateway, change)
        return stored

    def _remove(self, connection: Connection, gateway: str, name: str, change: Change, if_match: str | None) -> None:
        check_match(if_match, self._get(connection, gateway, name).etag)
        connection.execute(delete(PART).where(*_chosen(self._subjects.tenant, gateway, name)))
        commit(connection, self._subjects, gateway, change)


def read_parts(connection: Connection, tenant: str, gateway: str) -> list[StoredPart]:
    """A gateway's documents, by name."""
    query = select(PART).where(PART.c.tenant == tenant, PART.c.gateway == gateway).order_by(PART.c.name)
    decode = msgspec.json.decode
    return [
        StoredPart(
            gateway=gateway, name=row.name, document=decode(row.document, type=dict[str, Any]), changed=row.changed
        )
        for row in connection.execute(query)
    ]


def mentioned(connection: Connection, tenant: str) -> set[str]:
    """Every text in the documents of a tenant's gateways: names of secrets are among them."""
    rows = connection.scalars(select(PART.c.document).where(PART.c.tenant == tenant))
    return {text for document in rows for text in _texts(msgspec.json.decode(document))}


def of_name(connection: Connection, tenant: str, name: str) -> list[Document]:
    """A part's documents at all gateways of a tenant."""
    rows = connection.scalars(select(PART.c.document).where(PART.c.tenant == tenant, PART.c.name == name))
    return [msgspec.json.decode(document, type=dict[str, Any]) for document in rows]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def documents(connection: Connection, tenant: str, gateway: str) -> Mapping[str, Document]:
    """What a gateway's configuration says of its parts."""
    return {stored.name: stored.document for stored in read_parts(connection, tenant, gateway)}


def _chosen(tenant: str, gateway: str, name: str) -> tuple[Any, ...]:
    return PART.c.tenant == tenant, PART.c.gateway == gateway, PART.c.name == name
