"""What ends in the audit trail: entries past their retention are pruned, a person's own data are erased. Both leave the
ledger's tree as it is, and both are entries themselves.
"""

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, update

from lineshaft.access import audit, principals
from lineshaft.access.administration import Administration
from lineshaft.access.audit import Act
from lineshaft.access.model import Actor
from lineshaft.access.people.store import IDENTITY, PASSKEY
from lineshaft.access.store import PASSWORD, PRINCIPAL
from lineshaft.access.trail import personal, queries
from lineshaft.access.trail.messages import Erased, ErasePerson, Pruned, PruneTrail
from lineshaft.access.trail.settings import FLOOR_DAYS, AuditSettings
from lineshaft.access.vault import Vault
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden
from lineshaft.core.principals import Decision
from lineshaft.records import Database

PRUNE: Final = "access:audit_prune"
ERASE: Final = "access:erase_person"
_OWN: Final = (PASSWORD, PASSKEY, IDENTITY)
"""Where a person's own secrets and outside names are; sessions, tokens and addresses ended with the revocation."""
_DAY_US: Final = 86_400 * clock.MICROSECONDS


class Upkeep:
    """Prunes and erases for one tenant."""

    def __init__(
        self, database: Database, tenant: str, settings: AuditSettings, vault: Vault, administration: Administration
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._settings = settings
        self._vault = vault
        self._administration = administration

    async def prune(self, asked: PruneTrail) -> Pruned:
        """Delete the bodies of entries past their retention.

        Raises:
            Forbidden: the actor may not, or `before` is within the retention; that is recorded too.
        """
        decision = await self._administration.decide(asked.actor, PRUNE, "audit")
        now = clock.now_us()
        days = self._settings.retention_days
        before = now - days * _DAY_US if asked.before is None else asked.before
        if before > now - FLOOR_DAYS * _DAY_US:
            await self._database.write(self._refuse_prune, asked.actor, decision, before)
            raise Forbidden(
                "access.audit_retention",
                f"entries after {clock.rfc3339(now - FLOOR_DAYS * _DAY_US)} are kept: the least retention is {FLOOR_DAYS} days",
                "Ask for an earlier time. This attempt is in the audit trail.",
                field="before", value=clock.rfc3339(before), days=FLOOR_DAYS, limit=clock.rfc3339(now - FLOOR_DAYS * _DAY_US),
            )  # fmt: skip
        return await self._database.write(self._prune, asked.actor, decision, before)

    def _refuse_prune(self, connection: Connection, actor: Actor, decision: Decision, before: int) -> None:
        facts = {"before": clock.rfc3339(before), "days": FLOOR_DAYS}
        self._note(connection, Act(principal=actor.id, action=PRUNE, resource="audit", outcome="refused",
                                   decision=decision.id, facts=facts))  # fmt: skip

    def _prune(self, connection: Connection, actor: Actor, decision: Decision, before: int) -> Pruned:
        below = queries.first_kept(connection, self._tenant, before)
        below = 0 if below is None else below
        count = queries.prune(connection, self._tenant, below)
        facts = {"before": clock.rfc3339(before), "below": below, "count": count}
        self._note(connection, Act(principal=actor.id, action=PRUNE, resource="audit", outcome="done",
                                   decision=decision.id, facts=facts))  # fmt: skip
        return Pruned(below=below, count=count)

    async def erase_person(self, asked: ErasePerson) -> Erased:
        """Destroy the keys of a person's own data and forget their name; the handle stays, nothing else.

        Raises:
            Forbidden. NotFound. Conflict: no person, or not revoked yet.
        """
        decision = await self._administration.decide(asked.actor, ERASE, asked.name)
        return await self._database.write(self._erase_person, asked, decision)

    def _erase_person(self, connection: Connection, asked: ErasePerson, decision: Decision) -> Erased:
        row = principals.get_row(connection, self._tenant, asked.name)
        if row.kind != "person" or row.revoked is None:
            raise Conflict(
                "access.erase_not_possible", f"{row.name!r} is {'no person' if row.kind != 'person' else 'not revoked'}",
                "A person is revoked first: `lineshaft access revoke`.", name=row.name,
            )  # fmt: skip
        keys = self._destroy_keys(connection, row)
        queries.forget_waiting(connection, self._tenant, row.id)
        for table in _OWN:
            connection.execute(delete(table).where(table.c.principal == row.id))
        forgotten = {"name": f"erased-{ids.new_id().lower()}", "attributes": {}}
        connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == row.id).values(**forgotten))
        act = Act(principal=asked.actor.id, action=ERASE, resource=row.id, outcome="done", decision=decision.id,
                  facts={"keys": keys}, kind="deletion")  # fmt: skip
        self._note(connection, act)
        return Erased(principal=row.id, keys=keys)

    def _destroy_keys(self, connection: Connection, row: Row[Any]) -> list[str]:
        keys = []
        while (key := self._vault.find(connection, self._tenant, personal.PURPOSE, row.id)) is not None:
            self._vault.destroy(connection, key)
            keys.append(key)
        return keys

    def _note(self, connection: Connection, act: Act) -> None:
        audit.write(connection, self._tenant, act)
