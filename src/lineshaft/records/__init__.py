"""Relational records behind one door: SQLite in a box, PostgreSQL beyond it, one schema for both.

Each package defines its tables in its own `store.py` (SQLAlchemy Core) and its migrations in its own `migrations/`;
this package gives the connection, the forward migration, the outbox, the stores of jobs and idempotency keys, the copy.
Not here: any other package's tables, telemetry, identifier records.
Everything above may import it, except the long-running parts of `edge` and `history`, which do without a database.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.records import outbox as outbox
    from lineshaft.records.copies import dump as dump
    from lineshaft.records.copies import load as load
    from lineshaft.records.database import Database as Database
    from lineshaft.records.idempotency import Answer as Answer
    from lineshaft.records.idempotency import Idempotency as Idempotency
    from lineshaft.records.jobs import JobRecords as JobRecords
    from lineshaft.records.outbox import OutboxMessage as OutboxMessage
    from lineshaft.records.relay import OutboxRelay as OutboxRelay
    from lineshaft.records.schema import pending as pending
    from lineshaft.records.schema import upgrade as upgrade
    from lineshaft.records.settings import RecordsSettings as RecordsSettings

__all__ = [
    "Answer",
    "Database",
    "Idempotency",
    "JobRecords",
    "OutboxMessage",
    "OutboxRelay",
    "RecordsSettings",
    "dump",
    "load",
    "outbox",
    "pending",
    "upgrade",
]

__getattr__ = door(
    __name__,
    {
        "copies": ("dump", "load"),
        "database": ("Database",),
        "idempotency": ("Answer", "Idempotency"),
        "jobs": ("JobRecords",),
        "outbox": ("OutboxMessage", "outbox"),
        "relay": ("OutboxRelay",),
        "schema": ("pending", "upgrade"),
        "settings": ("RecordsSettings",),
    },
)
