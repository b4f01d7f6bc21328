"""Approvals of exports: who may be given what, for which purpose, until when. One's own approval does not count."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, insert, select

from lineshaft.access.labels.book import covers
from lineshaft.access.labels.model import Kind, Subject
from lineshaft.access.labels.store import APPROVAL
from lineshaft.core import clock


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to export an object, and what lies below it, to one recipient for one purpose."""

    id: str
    kind: Kind
    object: str
    recipient: str
    purpose: str
    reason: str
    approver: str
    created: int
    expires: int


def add(connection: Connection, tenant: str, approval: Approval) -> None:
    """Keep an approval, in the caller's write transaction."""
    connection.execute(insert(APPROVAL).values(tenant=tenant, **msgspec.structs.asdict(approval)))


def valid(connection: Connection, tenant: str) -> list[Approval]:
    """Every approval that has not expired, newest first."""
    living = (APPROVAL.c.tenant == tenant) & (APPROVAL.c.expires > clock.now_us())
    query = select(APPROVAL).where(living).order_by(APPROVAL.c.created.desc(), APPROVAL.c.id)
    names = Approval.__struct_fields__
    return [Approval(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]


def missing(
    subjects: Iterable[Subject], approvals: Sequence[Approval], *, recipient: str, purpose: str, principal: str
) -> Subject | None:
    """The first object that nobody else has approved for this recipient and purpose."""
    counting = [
        one for one in approvals
        if one.recipient == recipient and one.purpose == purpose and one.approver != principal
    ]  # fmt: skip
    return next(
        (subject for subject in subjects if not any(covers(one.kind, one.object, subject) for one in counting)), None
    )
