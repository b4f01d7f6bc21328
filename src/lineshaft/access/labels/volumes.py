"""What left, to whom: one row per export, one audit entry beside it, and how much a recipient got today."""

import msgspec
from sqlalchemy import Connection, func, insert, or_, select

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.access.labels.store import EGRESS
from lineshaft.core import clock, ids

_DAY_US = 86_400 * clock.MICROSECONDS


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One export, as it ended."""

    principal: str
    recipient: str
    outside: bool
    """Whether the recipient is nobody this installation knows."""
    purpose: str
    what: str
    """The first object, and how many more."""
    objects: int
    rows: int
    bytes: int
    grade_2020: int
    grade_2022: str
    decision: str
    whole: bool
    """False where the recipient left before the end, or a limit cut it off."""
    id: str = ""
    time: int = 0


def record(connection: Connection, tenant: str, export: Export) -> str:
    """Note an export and its audit entry in the caller's write transaction; returns the export's id."""
    made = msgspec.structs.replace(export, id=export.id or ids.new_id(), time=clock.now_us())
    row = msgspec.structs.asdict(made)
    connection.execute(insert(EGRESS).values(tenant=tenant, **row))
    facts = {name: value for name, value in row.items() if name not in ("principal", "what", "decision", "time")}
    audit.write(
        connection, tenant,
        Act(
            principal=export.principal, action="access:export", resource=export.what, kind="export",
            outcome="done" if export.whole else "refused", decision=export.decision, facts=facts,
        ),
    )  # fmt: skip
    return made.id


def today(connection: Connection, tenant: str, recipient: str) -> int:
    """Rows that a recipient got since midnight UTC."""
    since = day(clock.now_us()) * _DAY_US
    theirs = (EGRESS.c.tenant == tenant) & (EGRESS.c.recipient == recipient) & (EGRESS.c.time >= since)
    return int(connection.scalar(select(func.coalesce(func.sum(EGRESS.c.rows), 0)).where(theirs)) or 0)


def day(moment: int) -> int:
    """Number of the day, UTC."""
    return moment // _DAY_US


def newest(
    connection: Connection, tenant: str, *, before: str | None = None, limit: int = 100, search: str = "",
    outside: bool | None = None,
) -> list[Export]:  # fmt: skip
    """Exports, newest first, before the one with the id `before`.

    Args:
        search: only those whose recipient, purpose or object holds it.
        outside: only those to recipients that nobody knows here, or only the others.
    """
    query = select(EGRESS).where(EGRESS.c.tenant == tenant).order_by(EGRESS.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(EGRESS.c.id < before)
    if search:
        columns = (EGRESS.c.recipient, EGRESS.c.purpose, EGRESS.c.what)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    if outside is not None:
        query = query.where(EGRESS.c.outside == outside)
    names = Export.__struct_fields__
    return [Export(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]


def counts(connection: Connection, tenant: str) -> dict[str, int]:
    """How many exports each object was part of, by the text that names it."""
    query = select(EGRESS.c.what, func.count().label("times")).where(EGRESS.c.tenant == tenant).group_by(EGRESS.c.what)
    return {row.what: row.times for row in connection.execute(query)}
