"""Relational records behind one door: SQLite in a box, PostgreSQL beyond it, one schema for both.

Each package defines its tables in its own `store.py` (SQLAlchemy Core) and its migrations in its own `migrations/`;
this package gives the connection, the forward migration, the outbox, the stores of jobs and idempotency keys, the copy.
Not here: any other package's tables, telemetry, identifier records.
Everything above may import it, except the long-running parts of `edge` and `history`, which do without a database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "Answer": "idempotency",
    "Database": "database",
    "Idempotency": "idempotency",
    "JobRecords": "jobs",
    "OutboxMessage": "outbox",
    "OutboxRelay": "relay",
    "RecordsSettings": "settings",
    "dump": "copies",
    "load": "copies",
    "pending": "schema",
    "upgrade": "schema",
}


def __getattr__(name: str) -> Any:
    if name == "outbox":
        return import_module("lineshaft.records.outbox")
    if name in _HOMES:
        return getattr(import_module(f"lineshaft.records.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
