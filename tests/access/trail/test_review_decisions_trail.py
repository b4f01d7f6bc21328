"""What must not keep an act out of the trail, nor a person's data in it."""

import msgspec

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.access.messages import OfPrincipal
from lineshaft.access.model import Actor
from lineshaft.access.trail import queries
from lineshaft.access.trail.keys import ledger_signer
from lineshaft.access.trail.messages import ErasePerson
from lineshaft.access.trail.sequencer import Sequencer
from lineshaft.access.trail.settings import AuditSettings
from lineshaft.access.trail.upkeep import Upkeep
from lineshaft.access.vault import Vault
from lineshaft.ledger.log import Log


async def test_a_nul_in_one_entry_does_not_keep_others_out(office):
    acts = [
        Act(principal="99.1/a", action="t:one", resource="/x\0y", outcome="denied", facts={"method": "G\0T"}),
        Act(principal="99.1/a", action="t:two", resource="/x", outcome="done"),
    ]
    await office.access._notes.add(acts)
    assert len(await office.audit("t:two")) == 1
    (one,) = await office.audit("t:one")
    assert one.resource == "/x\ufffdy"


async def test_what_waits_for_its_place_is_erased_with_the_person(office):
    ada = (await office.first_administrator()).principal
    bob = (await office.person("bob", "viewer")).principal
    database, tenant = office.database, office.identity.tenant
    vault = Vault(office.home, database)
    signer = ledger_signer(office.home, office.identity, "audit")
    log = Log.open(office.home.folder("ledger") / "audit", signer.name, signer)
    try:
        sequencer = Sequencer(database, tenant, log, vault)
        sequencer.step()
        actor = Actor.of(ada)
        database.transact(
            audit.write, tenant,
            Act(principal=bob.id, action="t:late", resource="*", outcome="done", facts={"address": "192.0.2.77"}),
        )  # fmt: skip
        await office.administration.revoke(OfPrincipal(actor=actor, name="bob"))
        upkeep = Upkeep(database, tenant, AuditSettings(), vault, office.administration)
        await upkeep.erase_person(ErasePerson(actor=actor, name="bob"))
        sequencer.step()
        with database.read() as connection:
            found = queries.search(connection, vault, tenant, queries.Filter(), before=None, limit=1000)
        about = [entry for entry in found if bob.id in (entry.principal, entry.resource)]
        assert {"t:late", "access:revoke"} <= {entry.action for entry in about}
        told = msgspec.json.encode([entry.facts for entry in about])
        assert b"192.0.2.77" not in told
        assert b'"bob"' not in told
    finally:
        log.close()
