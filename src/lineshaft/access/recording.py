"""Whether the audit trail still reaches the ledger: while it does not, nothing is changed or commanded (fail closed)."""

from typing import Final

from sqlalchemy import Connection, func, select

from lineshaft.access.store import AUDIT
from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.records import Database

STALLED_SECONDS: Final = 30.0
"""An entry that waits longer than this means that the ledger is stuck; a restart of the access service is quicker."""
_BELIEVED_SECONDS: Final = 2.0


class Recording:
    """Watches the oldest entry without a place in the ledger."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._looked = -_BELIEVED_SECONDS
        self._oldest: str | None = None
        self._since = 0.0

    async def check(self) -> None:
        """Raises:
        Unavailable: `access.audit_stalled`.
        """
        # Nobody is refused for what was seen a moment ago: the ledger may be well again by now.
        if self._stalled() or clock.monotonic() - self._looked >= _BELIEVED_SECONDS:
            self._note(await self._database.query(oldest_waiting, self._tenant))
        if self._stalled():
            waited = clock.monotonic() - self._since
            raise Unavailable(
                "access.audit_stalled",
                f"changes and commands are stopped: the audit trail has not reached the ledger for {waited:.0f} s",
                "Reading goes on. `lineshaft status` shows what is wrong, most often a full disk.",
                seconds=int(waited), retry_seconds=5,
            )  # fmt: skip

    def _stalled(self) -> bool:
        return self._oldest is not None and clock.monotonic() - self._since > STALLED_SECONDS

    def _note(self, oldest: str | None) -> None:
        # Waiting is measured by the monotonic clock: wall time may step.
        self._looked = clock.monotonic()
        if oldest != self._oldest:
            self._oldest, self._since = oldest, self._looked


def oldest_waiting(connection: Connection, tenant: str) -> str | None:
    """Id of the oldest entry that has no place in the ledger yet."""
    return connection.scalar(select(func.min(AUDIT.c.id)).where(AUDIT.c.tenant == tenant, AUDIT.c.leaf.is_(None)))
