"""The one writer of the audit trail's ledger: gives waiting entries their places, in the order they were written.

An entry's place, salt and body are committed in the records first, its hash is appended to the log second. A sequencer
that was killed in between finds entries with places beyond the log's end and appends just those: nothing is lost,
nothing stands twice. Wall time may step back: the order is that of the places, and a body has both its own time and
the time at which it got its place.
"""

import base64
import secrets
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from lineshaft.access.store import AUDIT
from lineshaft.access.trail import personal
from lineshaft.access.vault import Vault
from lineshaft.core import clock
from lineshaft.core.errors import Corrupt
from lineshaft.ledger import bodies
from lineshaft.ledger.log import Log
from lineshaft.records import Database

BATCH: Final = 5000
_SALT_BYTES: Final = 16


class Sequencer:
    """Works on one tenant's entries; its methods block and must not run at the same time."""

    def __init__(self, database: Database, tenant: str, log: Log, vault: Vault) -> None:
        self._database = database
        self._tenant = tenant
        self._log = log
        self._vault = vault

    def recover(self) -> int:
        """Append what got a place but not its leaf before the last end; returns how many entries.

        Raises:
            Corrupt: entries between the log's end and the first that is here are missing.
        """
        return self._append()

    def step(self, limit: int = BATCH) -> int:
        """Give at most `limit` waiting entries their places and append them; returns how many.

        Raises:
            Unavailable: the records or the log cannot be written; nothing is lost, the next step goes on.
        """
        given = self._database.transact(self._give_places, limit)
        if given or self._behind():
            self._append()
        return given

    # -- places -----------------------------------------------------------------------------------------------------

    def _give_places(self, connection: Connection, limit: int) -> int:
        waiting = select(AUDIT).where(AUDIT.c.tenant == self._tenant, AUDIT.c.leaf.is_(None))
        rows = connection.execute(waiting.order_by(AUDIT.c.id).limit(limit)).all()
        if not rows:
            return 0
        first = max(self._last_place(connection) + 1, self._log.size)
        now = clock.now_us()
        values = [self._placed(connection, row, first + number, now) for number, row in enumerate(rows)]
        for row, value in zip(rows, values, strict=True):
            connection.execute(update(AUDIT).where(AUDIT.c.id == row.id).values(**value))
        return len(rows)

    def _placed(self, connection: Connection, row: Row[Any], place: int, now: int) -> dict[str, Any]:
        subject = personal.subject_of(row.principal, row.resource)
        facts, secret = personal.split(row.facts, subject)
        body = {
            "seq": place, "id": row.id, "time": clock.rfc3339(row.time), "placed": clock.rfc3339(now),
            "tenant": row.tenant, "principal": row.principal, "action": row.action, "resource": row.resource,
            "outcome": row.outcome, "class": row._mapping["class"], "decision": row.decision,  # noqa: SLF001
            "policy_version": row.policy, "input_digest": row.input, "trace_id": row.trace, "facts": facts,
        }  # fmt: skip
        if secret:
            assert subject is not None
            body["personal"] = self._sealed(connection, subject, row.id, secret)
        return {
            "leaf": place, "salt": secrets.token_bytes(_SALT_BYTES), "body": bodies.canonical(body), "facts": facts,
        }  # fmt: skip

    def _sealed(self, connection: Connection, subject: str, entry: str, facts: dict[str, Any]) -> dict[str, str]:
        key = self._vault.find(connection, self._tenant, personal.PURPOSE, subject)
        if key is None:
            key = self._vault.create(connection, self._tenant, personal.PURPOSE, subject)
        sealed = self._vault.seal(key, personal.encode(facts), entry.encode(), connection=connection)
        return {"key": key, "sealed": base64.b64encode(sealed).decode()}

    def _last_place(self, connection: Connection) -> int:
        found = connection.scalar(select(func.max(AUDIT.c.leaf)).where(AUDIT.c.tenant == self._tenant))
        return -1 if found is None else int(found)

    # -- leaves -----------------------------------------------------------------------------------------------------

    def _behind(self) -> bool:
        with self._database.read() as connection:
            return self._last_place(connection) >= self._log.size

    def _append(self) -> int:
        total = 0
        while rows := self._unappended():
            for expected, row in enumerate(rows, start=self._log.size):
                if row.leaf != expected:
                    raise Corrupt(
                        "access.trail_hole", f"the audit trail has no entry for place {expected} of its ledger",
                        "The ledger folder is older than the records: restore both from the same backup.",
                        place=expected,
                    )  # fmt: skip
            self._log.append([bodies.entry_of(row.salt, row.body) for row in rows])
            total += len(rows)
        return total

    def _unappended(self) -> list[Row[Any]]:
        beyond = select(AUDIT.c.leaf, AUDIT.c.salt, AUDIT.c.body).where(
            AUDIT.c.tenant == self._tenant, AUDIT.c.leaf >= self._log.size, AUDIT.c.body.is_not(None)
        )
        with self._database.read() as connection:
            return list(connection.execute(beyond.order_by(AUDIT.c.leaf).limit(BATCH)))
