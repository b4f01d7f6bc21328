"""Points with rules for writing that were taken out: for a while, what comes to their place is compared with them.

So nobody alone takes a point out and adds it anew with less. A point laid over the place whole ends the memory: it was
compared, and a second person approved it where it was weaker.
"""

import hashlib
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, delete, insert, select

from lineshaft.core import clock
from lineshaft.edge import weakening
from lineshaft.edge.model import Device
from lineshaft.edge.tables import METADATA

KEPT_DAYS: Final = 30
_KEPT_US: Final = KEPT_DAYS * 86_400 * clock.MICROSECONDS

REMEMBERED = Table(
    "edge_remembered",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
)


def remembered(connection: Connection, tenant: str) -> list[Device]:
    """Devices with the points that are remembered of them."""
    query = select(REMEMBERED.c.document).where(REMEMBERED.c.tenant == tenant, REMEMBERED.c.until > clock.now_us())
    decode = msgspec.json.Decoder(Device).decode
    return [decode(document) for document in connection.scalars(query)]


def note(connection: Connection, tenant: str, before: Device | None, after: Device | None) -> None:
    """Take in a change of a device: remember what is left without rules, forget what has a point again."""
    connection.execute(delete(REMEMBERED).where(REMEMBERED.c.tenant == tenant, REMEMBERED.c.until <= clock.now_us()))
    if after is not None:
        for device in remembered(connection, tenant):
            left = weakening.left_unguarded(device, after)
            if left != device:
                _forget(connection, tenant, device)
                _remember(connection, tenant, left)
    if before is not None:
        _remember(connection, tenant, weakening.left_unguarded(before, after))


def _remember(connection: Connection, tenant: str, left: Device | None) -> None:
    if left is None:
        return
    _forget(connection, tenant, left)
    connection.execute(
        insert(REMEMBERED).values(
            tenant=tenant, digest=_digest(left), device=left.name, document=msgspec.json.encode(left),
            until=clock.now_us() + _KEPT_US,
        )
    )  # fmt: skip


def _forget(connection: Connection, tenant: str, device: Device) -> None:
    chosen = (REMEMBERED.c.tenant == tenant) & (REMEMBERED.c.digest == _digest(device))
    connection.execute(delete(REMEMBERED).where(chosen))


def _digest(device: Device) -> str:
    return hashlib.sha256(msgspec.json.encode(device, order="deterministic")).hexdigest()
