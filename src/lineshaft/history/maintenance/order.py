"""What the history service tells the process that maintains, and what a job of it is asked for."""

import msgspec

from lineshaft.core import clock, ids
from lineshaft.core.jobs import Job
from lineshaft.history.maintenance.settings import MaintenanceSettings
from lineshaft.history.storage import Place
from lineshaft.records import RecordsSettings

KIND = "history.maintain"
RUNNER = "history"
"""Name of the runner that has these jobs: whoever adds one for it wakes the history service."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the process's standard input; the process ends when that does."""

    home: str
    place: Place
    settings: MaintenanceSettings
    records: RecordsSettings
    retired_seconds: float
    tenant: str
    prefix: str
    due: bool
    """Look for what is due besides doing the jobs that are waiting."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of a job."""

    merge: bool = True
    roll: bool = True
    expire: bool = True
    settle: bool = True
    """Leave what has just ended alone for a while."""


def job_of(title: str, owner: str, asked: Asked) -> Job:
    """A job for this process; it waits in the records until that takes it."""
    now = clock.now_us()
    return Job(
        id=ids.new_id(), kind=KIND, title=title, owner=owner, arguments=msgspec.to_builtins(asked), runner=RUNNER,
        created=now, updated=now,
    )  # fmt: skip
