"""Pruning keeps to the retention, erasing leaves nothing of a person but the handle; both are recorded."""

import pytest
from sqlalchemy import insert, select

from lineshaft.access.model import Actor
from lineshaft.access.people.store import IDENTITY
from lineshaft.access.store import PASSWORD, PRINCIPAL
from lineshaft.access.trail.messages import ErasePerson, PruneTrail
from lineshaft.access.trail.settings import AuditSettings
from lineshaft.access.trail.upkeep import Upkeep
from lineshaft.access.vault import Vault
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden

DAY = 86_400 * clock.MICROSECONDS


@pytest.fixture
def upkeep(office):
    vault = Vault(office.home, office.database)
    return Upkeep(office.database, office.identity.tenant, AuditSettings(), vault, office.administration)


@pytest.fixture
def local(office):
    return Actor.of(office.principal("local"))


@pytest.mark.parametrize("days", [0, 1, 179, 179.99])
async def test_nothing_younger_than_180_days_is_pruned_and_the_attempt_stays(office, upkeep, local, days):
    before = clock.now_us() - int(days * DAY)
    with pytest.raises(Forbidden) as refusal:
        await upkeep.prune(PruneTrail(actor=local, before=before))
    assert refusal.value.code == "access.audit_retention"
    (entry,) = await office.audit("access:audit_prune")
    assert (entry.outcome, entry.kind) == ("refused", "deletion")


async def test_older_entries_may_go_and_that_is_recorded(office, upkeep, local):
    pruned = await upkeep.prune(PruneTrail(actor=local, before=clock.now_us() - 181 * DAY))
    (entry,) = await office.audit("access:audit_prune")
    assert (entry.outcome, entry.facts["count"]) == ("done", pruned.count)


async def test_only_a_revoked_person_is_erased(office, upkeep, local):
    await office.person("bob", "viewer")
    for name in ("bob", "gateway"):
        with pytest.raises(Conflict) as refusal:
            await upkeep.erase_person(ErasePerson(actor=local, name=name))
        assert refusal.value.code == "access.erase_not_possible"


async def test_of_an_erased_person_only_the_handle_is_left(office, upkeep, local):
    bob = (await office.person("bob", "viewer")).principal
    with office.database.begin() as connection:
        known = {"id": "1", "issuer": "https://id.example", "subject": "4711", "managed": False, "created": 0}
        connection.execute(insert(IDENTITY).values(principal=bob.id, tenant=bob.tenant, **known))
        connection.execute(PRINCIPAL.update().where(PRINCIPAL.c.id == bob.id).values(revoked=clock.now_us()))
    await upkeep.erase_person(ErasePerson(actor=local, name="bob"))
    with office.database.read() as connection:
        (row,) = connection.execute(select(PRINCIPAL).where(PRINCIPAL.c.id == bob.id))
        assert row.name.startswith("erased-")
        for table in (PASSWORD, IDENTITY):
            assert connection.execute(select(table).where(table.c.principal == bob.id)).all() == []
    (entry,) = await office.audit("access:erase_person")
    assert entry.resource == bob.id
