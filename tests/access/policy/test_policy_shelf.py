"""Policies in the records: versions, refusals that leave everything as it was, races, and when a change is felt."""

import threading

import pytest

from lineshaft.access import Access
from lineshaft.access.policy import shelf
from lineshaft.access.policy.store import POLICY, POLICY_SET
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError, NotFound, PreconditionFailed

FORBID = 'forbid (principal in Role::"viewer", action == Action::"demo:read", resource);'
AUTHOR = "99.1/author"


def put(office, name, text, expected=None):
    return office.database.transact(shelf.put, office.identity.tenant, name, text, AUTHOR, expected)


def withdraw(office, name, expected=None):
    office.database.transact(shelf.withdraw, office.identity.tenant, name, AUTHOR, expected)


def uploads(office):
    with office.database.read() as connection:
        found = shelf.uploads(connection, office.identity.tenant)
        return {policy.name: policy.version for policy in found}, shelf.number_in_force(
            connection, office.identity.tenant
        )


async def test_a_change_is_a_new_version_of_the_text_and_of_the_set(office):
    assert (put(office, "dark", FORBID).version, uploads(office)) == (1, ({"dark": 1}, 1))
    assert (put(office, "dark", FORBID + "\n").version, uploads(office)) == (2, ({"dark": 2}, 2))
    put(office, "other", "// nothing")
    withdraw(office, "dark")
    assert uploads(office) == ({"other": 1}, 4)
    assert (put(office, "dark", FORBID).version, uploads(office)) == (3, ({"dark": 3, "other": 1}, 5))
    with office.database.read() as connection:
        assert len(connection.execute(POLICY.select()).all()) == 4
        sets = connection.execute(POLICY_SET.select().order_by(POLICY_SET.c.number)).all()
    assert [row.in_force for row in sets] == [False, False, False, False, True]
    assert sets[1].members == {"dark": 2}


async def test_another_process_feels_a_change_by_itself(office, condition):
    ada = (await office.first_administrator()).principal
    elsewhere = Access(office.database, office.identity, office.settings)
    before = await elsewhere.require(ada, "demo:read")
    put(office, "dark", FORBID)

    async def is_felt():
        try:
            await elsewhere.require(ada, "demo:read")
        except Forbidden as error:
            return "dark/1" in error.facts["reason"]
        return False

    await condition(is_felt)
    assert elsewhere.policies.version != before.policy_version


async def test_the_set_loaded_last_goes_on_while_the_records_do_not_answer(office, monkeypatch):
    ada = (await office.first_administrator()).principal
    put(office, "dark", FORBID)
    await office.access.refresh_policies(now=True)

    async def gone(*_):
        raise LineshaftError("records.gone", "no answer")

    monkeypatch.setattr(office.access._decisions._database, "query", gone)
    await office.access.refresh_policies(now=True)
    assert office.access.policies_fault == "no answer"
    assert not office.access.authorize(ada, "demo:read").allowed
    assert office.access.authorize(ada, "history:read").allowed
    monkeypatch.undo()
    await office.access.refresh_policies(now=True)
    assert office.access.policies_fault == ""


def test_before_anything_is_loaded_the_defaults_decide(office):
    fresh = Access(office.database, office.identity, office.settings)
    assert fresh.authorize(office.principal("local"), "access:policy").allowed


@pytest.mark.parametrize(
    ("name", "text", "kind", "code"),
    [
        ("dark", "permit (principal);", InvalidInput, "access.policy_invalid"),
        ("Dark!", FORBID, InvalidInput, "access.policy_name"),
        ("", FORBID, InvalidInput, "access.policy_name"),
        ("roles", FORBID, Conflict, "access.policy_reserved"),
        ("zones", FORBID, Conflict, "access.policy_reserved"),
        ("all", "forbid (principal, action, resource);", Conflict, "access.policy_lockout"),
        ("out", 'forbid (principal, action == Action::"access:policy", resource);', Conflict, "access.policy_lockout"),
        ("mute", "forbid (principal is Service, action, resource);", Conflict, "access.policy_lockout"),
        ("door", 'forbid (principal, action == Action::"access:self", resource);', Conflict, "access.policy_lockout"),
        (
            "two", '@obligation("approve:administrator") permit (principal, action == Action::"access:policy", resource);',
            Conflict, "access.policy_lockout",
        ),
    ],
)  # fmt: skip
async def test_what_is_refused_leaves_everything_as_it_was(office, name, text, kind, code):
    await office.first_administrator()
    put(office, "dark", FORBID)
    before = uploads(office)
    with pytest.raises(kind) as refusal:
        put(office, name, text)
    assert refusal.value.code == code
    assert uploads(office) == before


async def test_two_administrators_may_bind_themselves_to_one_another(office):
    await office.first_administrator()
    await office.person("bob", "administrator")
    text = '@obligation("approve:administrator") permit (principal, action == Action::"access:policy", resource);'
    assert put(office, "two", text).version == 1


async def test_a_withdrawal_that_would_lock_everybody_out_is_refused(office):
    ada = (await office.first_administrator()).principal
    text = 'forbid (principal, action == Action::"access:policy", resource) unless { principal.hasTag("x") };'
    with pytest.raises(Conflict):
        put(office, "strict", text)
    assert office.access.authorize(ada, "access:policy").allowed
    with pytest.raises(NotFound):
        withdraw(office, "strict")
    with pytest.raises(Conflict):
        withdraw(office, "limits")


async def test_only_the_version_that_was_seen_is_replaced(office):
    put(office, "dark", FORBID, expected=0)
    for expected in (0, 2):
        with pytest.raises(PreconditionFailed):
            put(office, "dark", FORBID, expected=expected)
        with pytest.raises(PreconditionFailed):
            withdraw(office, "dark", expected=expected)
    assert put(office, "dark", FORBID, expected=1).version == 2


@pytest.mark.parametrize("present", [False, True])
def test_of_two_uploads_at_once_one_wins(office, present):
    if present:
        put(office, "dark", FORBID)
    expected, outcomes, together = (1 if present else 0), [], threading.Barrier(4)

    def upload(number):
        together.wait()
        try:
            outcomes.append(put(office, "dark", f"{FORBID} // {number}", expected).version)
        except PreconditionFailed as error:
            outcomes.append(error.status)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted([expected + 1, 412, 412, 412])


def test_changes_of_different_policies_at_once_all_last(office):
    together = threading.Barrier(4)

    def upload(number):
        together.wait()
        put(office, f"p{number}", FORBID)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uploads(office) == ({f"p{number}": 1 for number in range(4)}, 4)
