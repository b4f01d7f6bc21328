"""Copies of the whole installation: a backup passes the gate too. Works on the records alone, running or not."""

from typing import Final

from sqlalchemy import Connection

from lineshaft.access import principals
from lineshaft.access.labels import approvals, volumes
from lineshaft.access.labels.book import LabelBook
from lineshaft.access.labels.model import UNKNOWN, Subject, grades_of, highest
from lineshaft.access.labels.volumes import Export
from lineshaft.access.local_token import ensure_local
from lineshaft.core.errors import Forbidden
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter

BACKUP: Final = Subject("file", "backup")
"""What approvals of backups for others are about."""


def check(connection: Connection, identity: Identity, recipient: str) -> None:
    """Whether a copy of everything may go to a recipient; empty for whoever works on the machine.

    Raises:
        Forbidden: nobody has approved that it goes to somebody outside.
    """
    if not recipient or principals.find_row(connection, identity.tenant, recipient) is not None:
        return
    local = ensure_local(connection, HandleMinter(identity.prefix), identity.tenant)
    valid = approvals.valid(connection, identity.tenant)
    if approvals.missing([BACKUP], valid, recipient=recipient, purpose="backup", principal=local.id) is not None:
        raise Forbidden(
            "access.backup_approval_needed", f"nobody has approved that a backup goes to {recipient!r}",
            "An administrator can: `lineshaft labels approve backup --kind file --purpose backup --for NAME`.",
            recipient=recipient,
        )  # fmt: skip


def record(connection: Connection, identity: Identity, *, recipient: str, size: int) -> None:
    """Note a copy of everything, with its audit entry: it counts as the highest of all labels."""
    local = ensure_local(connection, HandleMinter(identity.prefix), identity.tenant)
    outside = bool(recipient) and principals.find_row(connection, identity.tenant, recipient) is None
    labels = LabelBook(identity.tenant).in_force(connection)
    grades = highest([grades_of(one.label) for one in labels]) or UNKNOWN
    volumes.record(
        connection, identity.tenant,
        Export(
            principal=local.id, recipient=recipient or local.name, outside=outside, purpose="backup", what="backup",
            objects=len(labels), rows=0, bytes=size, grade_2020=grades.grade_2020, grade_2022=grades.grade_2022,
            decision="", whole=True,
        ),
    )  # fmt: skip
