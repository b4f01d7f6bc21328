"""Entries get their places in the ledger: each once, in order, whatever dies in between."""

import msgspec
import pytest
from sqlalchemy import insert, select, update

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.access.store import AUDIT, PRINCIPAL
from lineshaft.access.trail import queries
from lineshaft.access.trail.keys import ledger_signer
from lineshaft.access.trail.sequencer import Sequencer
from lineshaft.access.vault import Vault
from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, Unavailable
from lineshaft.ledger import bodies
from lineshaft.ledger.log import Log

ADA = "99.1/person.ADA"


class Trail:
    """A tenant's trail on real records and a real log."""

    def __init__(self, home, identity, database):
        self.home, self.identity, self.database = home, identity, database
        self.tenant = identity.tenant
        self.vault = Vault(home, database)
        self.open()

    def open(self):
        signer = ledger_signer(self.home, self.identity, "audit")
        self.log = Log.open(self.home.folder("ledger") / "audit", signer.name, signer)
        self.sequencer = Sequencer(self.database, self.tenant, self.log, self.vault)

    def write(self, *actions, **fields):
        for action in actions:
            act = Act(principal=ADA, action=action, resource="thing", outcome="done", **fields)
            self.database.transact(audit.write, self.tenant, act)

    def rows(self):
        with self.database.read() as connection:
            return list(connection.execute(select(AUDIT).order_by(AUDIT.c.leaf)))

    def entries(self):
        return [bodies.entry_of(row.salt, row.body) for row in self.rows() if row.body is not None]

    def search(self, **wanted):
        with self.database.read() as connection:
            return queries.search(
                connection, self.vault, self.tenant, queries.Filter(**wanted), before=None, limit=1000
            )


@pytest.fixture
def trail(home, database):
    made = Trail(home, home.prepare(), database)
    yield made
    made.log.close()


def in_the_log(trail):
    """The entries of the log as it is on disk."""
    from lineshaft.ledger.reader import LogReader

    trail.log.checkpoint()
    reader = LogReader(trail.log.folder)
    return [reader.entry(index) for index in range(trail.log.size)]


def test_entries_get_places_in_the_order_they_were_written(trail):
    trail.write("a:one", "a:two", "a:three")
    assert trail.sequencer.step() == 3
    assert [(row.leaf, row.action) for row in trail.rows()] == [(0, "a:one"), (1, "a:two"), (2, "a:three")]
    assert in_the_log(trail) == trail.entries()
    assert trail.sequencer.step() == 0


def test_a_body_says_everything_about_the_act(trail):
    trail.write("edge:configure", facts={"method": "PUT"}, decision="D", policy_version="P", input_digest="I")
    trail.sequencer.step()
    body = msgspec.json.decode(trail.rows()[0].body)
    assert body["seq"] == 0
    assert (body["principal"], body["action"], body["resource"], body["outcome"]) == (
        ADA,
        "edge:configure",
        "thing",
        "done",
    )
    assert (body["decision"], body["policy_version"], body["input_digest"], body["class"]) == ("D", "P", "I", "change")
    assert body["facts"] == {"method": "PUT"}
    assert clock.parse_time(body["time"]) <= clock.parse_time(body["placed"])


def test_a_sequencer_that_died_before_the_log_goes_on_with_the_same_places(trail, monkeypatch):
    trail.write("a:one")
    trail.sequencer.step()
    trail.write("a:two", "a:three")

    def die(_):
        raise Unavailable("ledger.full", "no room")

    monkeypatch.setattr(trail.log, "append", die)
    with pytest.raises(Unavailable):
        trail.sequencer.step()
    monkeypatch.undo()
    trail.log.close()
    trail.open()
    assert trail.log.size == 1
    assert trail.sequencer.recover() == 2
    trail.write("a:four")
    assert trail.sequencer.step() == 1
    assert in_the_log(trail) == trail.entries()
    assert len(set(trail.entries())) == 4


def test_without_a_restart_the_next_step_catches_up_too(trail, monkeypatch):
    trail.write("a:one")

    def die(_):
        raise Unavailable("ledger.full", "no room")

    monkeypatch.setattr(trail.log, "append", die)
    with pytest.raises(Unavailable):
        trail.sequencer.step()
    monkeypatch.undo()
    assert trail.sequencer.step() == 0
    assert in_the_log(trail) == trail.entries()


def test_a_clock_that_steps_back_changes_no_place(trail):
    trail.write("a:one")
    trail.sequencer.step()
    with clock.fixed(lambda: 1_000_000_000_000_000):
        trail.write("a:two")
        trail.sequencer.step()
    trail.write("a:three")
    trail.sequencer.step()
    assert [(row.leaf, row.action) for row in trail.rows()] == [(0, "a:one"), (1, "a:two"), (2, "a:three")]


def test_batches_are_bounded(trail):
    trail.write(*(f"a:{number}" for number in range(7)))
    assert [trail.sequencer.step(3) for _ in range(4)] == [3, 3, 1, 0]
    assert in_the_log(trail) == trail.entries()


def test_a_lost_ledger_folder_is_built_again_from_the_records(trail):
    trail.write("a:one", "a:two")
    trail.sequencer.step()
    before = in_the_log(trail)
    trail.log.close()
    for file in sorted(trail.log.folder.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    trail.open()
    assert trail.sequencer.recover() == 2
    assert in_the_log(trail) == before


def test_an_entry_taken_away_behind_our_back_is_not_papered_over(trail):
    trail.write("a:one", "a:two")
    with trail.database.begin() as connection:
        trail.sequencer._give_places(connection, 10)
        connection.execute(update(AUDIT).where(AUDIT.c.leaf == 0).values(tenant="elsewhere"))
    with pytest.raises(Corrupt) as refusal:
        trail.sequencer.step()
    assert refusal.value.facts["place"] == 0


def test_personal_facts_are_sealed_and_open_for_who_may_search(trail):
    trail.write("access:sign_in", facts={"address": "192.0.2.7", "method": "password"})
    trail.sequencer.step()
    (row,) = trail.rows()
    assert b"192.0.2.7" not in row.body
    assert row.facts == {"method": "password"}
    (found,) = trail.search()
    assert found.facts == {"address": "192.0.2.7", "method": "password"}


def test_erasing_a_person_leaves_the_tree_and_takes_the_data(trail):
    trail.write("access:sign_in", facts={"address": "192.0.2.7"})
    trail.sequencer.step()
    before = trail.entries()
    with trail.database.begin() as connection:
        key = trail.vault.find(connection, trail.tenant, "audit", ADA)
        trail.vault.destroy(connection, key)
    (found,) = trail.search()
    assert found.facts == {"personal": queries.ERASED}
    assert in_the_log(trail) == before == trail.entries()


def test_pruned_bodies_leave_the_tree(trail):
    trail.write("a:one", "a:two")
    trail.sequencer.step()
    before = in_the_log(trail)
    with trail.database.begin() as connection:
        assert queries.prune(connection, trail.tenant, 1) == 1
    trail.write("a:three")
    trail.sequencer.step()
    assert [row.leaf for row in trail.rows()] == [1, 2]
    assert in_the_log(trail)[:2] == before


def test_search_by_every_field(trail):
    trail.write("edge:configure")
    trail.write("demo:control", input_digest="x")
    trail.sequencer.step()
    assert [entry.action for entry in trail.search()] == ["demo:control", "edge:configure"]
    assert [entry.action for entry in trail.search(action="edge:*")] == ["edge:configure"]
    assert [entry.action for entry in trail.search(action="demo:control")] == ["demo:control"]
    assert [entry.action for entry in trail.search(kind="command")] == ["demo:control"]
    assert trail.search(principal="99.1/person.EVE") == []
    assert trail.search(end=0) == []
    assert len(trail.search(start=0)) == 2


@pytest.mark.parametrize(
    ("action", "outcome", "kind"),
    [
        ("access:token", "refused", "sign_in"),
        ("access:handshake", "refused", "sign_in"),
        ("access:create_token", "done", "change"),
        ("access:enrol", "done", "change"),
        ("edge:configure", "denied", "denial"),
    ],
)
def test_refused_proofs_of_who_one_is_are_sign_ins(action, outcome, kind):
    assert audit.kind_of(action, outcome) == kind


def test_a_found_entry_names_who_acted_by_their_present_name(trail):
    trail.write("edge:configure")
    assert [entry.name for entry in trail.search()] == [""]
    ada = {
        "id": ADA,
        "tenant": trail.tenant,
        "name": "ada",
        "kind": "person",
        "roles": [],
        "attributes": {},
        "created": 0,
    }
    with trail.database.begin() as connection:
        connection.execute(insert(PRINCIPAL).values(ada))
    assert [entry.name for entry in trail.search()] == ["ada"]
