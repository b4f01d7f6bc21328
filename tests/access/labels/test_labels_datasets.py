"""Datasets: erased for good, kept by a legal hold, erased by retention; leak notices and their clock."""

import pytest

from lineshaft.access.labels import Label, LabelSettings, Subject, leaks
from lineshaft.access.labels.administration import ensure
from lineshaft.access.labels.messages import CreateDataset, OfDataset, OpenFileKey, PseudonymKeyOf
from lineshaft.access.labels.part import LabelsPart
from lineshaft.access.model import Actor
from lineshaft.access.parts import Surroundings
from lineshaft.access.principals import find_row
from lineshaft.access.store import PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Corrupt, Forbidden, InvalidInput, NotFound
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings

DAY = 86_400 * 1_000_000


@pytest.fixture
async def part(office):
    context = Context(office.home, Settings([LabelSettings(), office.settings]))
    part = LabelsPart(
        Surroundings(
            context=context, database=office.database, access=office.access, administration=office.administration,
            authority=office.authority, bus=None, stack=None, cut_off=None,
        )
    )  # fmt: skip
    await part.start()
    return part


@pytest.fixture
def actor(office):
    return Actor.of(office.principal("local"))


async def dataset(part, actor, name="batch-7"):
    return await part.create_dataset(CreateDataset(actor=actor, name=name, place="tape 4"))


def of(actor, name="batch-7", reason="the contract has ended"):
    return OfDataset(actor=actor, name=name, reason=reason)


def label(database, name="batch-7", **changes):
    values = {"domain": "production", "grade_2020": 1, "grade_2022": "general"} | changes
    database.transact(ensure, "main", Subject("dataset", name), Label(**values), author="x", reason="")


async def opened(part, actor, given):
    asked = OpenFileKey(actor=actor, name=given.dataset, key=given.key, wrapped=given.wrapped)
    return (await part.open_file_key(asked)).file_key


async def test_a_files_key_comes_back_for_its_dataset_only(part, actor):
    await dataset(part, actor)
    await dataset(part, actor, "batch-8")
    given = await part.new_file_key(of(actor))
    assert len(given.file_key) == 32
    assert await opened(part, actor, given) == given.file_key
    with pytest.raises(Corrupt, match=r"access\.sealed_unreadable"):
        await part.open_file_key(OpenFileKey(actor=actor, name="batch-8", key=given.key, wrapped=given.wrapped))


async def test_an_erased_dataset_opens_nothing_and_leaves_a_receipt(part, actor, office):
    made = await dataset(part, actor)
    given = await part.new_file_key(of(actor))
    erased = await part.erase_dataset(of(actor))
    assert erased.erased_by == actor.id
    with pytest.raises(Conflict, match=r"access\.key_destroyed"):
        await opened(part, actor, given)
    with pytest.raises(Conflict, match=r"access\.key_destroyed"):
        await part.new_file_key(of(actor))
    (receipt,) = await office.audit("access:erase")
    assert (receipt.outcome, receipt.resource, receipt.facts["destroyed"]) == ("done", "dataset batch-7", made.key)
    with pytest.raises(Conflict, match=r"access\.dataset_erased"):
        await part.erase_dataset(of(actor))
    with pytest.raises(Conflict, match=r"access\.dataset_exists"):
        await dataset(part, actor)


async def test_a_legal_hold_wins_over_erasing_and_retention(part, actor, office, shelf):
    made = await dataset(part, actor)
    label(office.database, retention_days=1)
    hold = await shelf.administration.hold(shelf.local, Subject("dataset", "batch-7"), reason="case 12")
    with clock.fixed(lambda: made.created + 30 * DAY):
        with pytest.raises(Conflict, match=r"access\.held"):
            await part.erase_dataset(of(actor))
        assert await part.erase_past_retention() == []
        await shelf.administration.release(shelf.local, hold.id, reason="case closed")
        with pytest.raises(Conflict, match=r"access\.hold_released"):
            await shelf.administration.release(shelf.local, hold.id, reason="again")
        assert await part.erase_past_retention() == ["batch-7"]
    with pytest.raises(NotFound, match=r"access\.hold_unknown"):
        await shelf.administration.release(shelf.local, "01NONE", reason="x")


async def test_retention_erases_what_is_past_it_and_nothing_else(part, actor, office):
    made = [await dataset(part, actor, name) for name in ("old", "young", "kept", "unlabelled")]
    label(office.database, "old", retention_days=10)
    label(office.database, "young", retention_days=100)
    label(office.database, "kept")
    with clock.fixed(lambda: made[0].created + 9 * DAY):
        assert await part.erase_past_retention() == []
    with clock.fixed(lambda: made[-1].created + 50 * DAY):
        assert await part.erase_past_retention() == ["old"]
        assert await part.erase_past_retention() == []
    (receipt,) = await office.audit("access:erase")
    assert receipt.principal == office.principal("access").id
    assert receipt.facts["reason"] == "its retention has ended"


async def test_who_may_not_erases_nothing(part, office):
    await office.person("egon", "engineer")
    egon = Actor.of(office.principal("egon"))
    await dataset(part, egon)
    with pytest.raises(Forbidden, match=r"access\.denied"):
        await part.erase_dataset(of(egon))
    await office.person("vera", "viewer")
    with pytest.raises(Forbidden, match=r"access\.denied"):
        await part.new_file_key(of(Actor.of(office.principal("vera"))))


async def test_a_file_is_not_opened_for_a_clearance_below_the_datasets_grade(part, office, database):
    await office.person("egon", "engineer")
    egon = Actor.of(office.principal("egon"))
    await dataset(part, egon)
    given = await part.new_file_key(of(egon))
    label(database, grade_2020=2)

    def clear(connection, clearance):
        row = find_row(connection, "main", "egon")
        connection.execute(PRINCIPAL.update().where(PRINCIPAL.c.id == row.id).values(clearance=clearance))

    database.transact(clear, 1)
    with pytest.raises(Forbidden, match=r"access\.clearance_too_low"):
        await opened(part, egon, given)
    database.transact(clear, 2)
    assert await opened(part, egon, given) == given.file_key


@pytest.mark.parametrize("name", ["", "Upper", "a b", "-x", "x" * 64])
async def test_what_is_no_name_of_a_dataset_is_refused(part, actor, name):
    with pytest.raises(InvalidInput, match=r"access\.dataset_name_invalid"):
        await dataset(part, actor, name)


async def test_an_unknown_dataset_is_said(part, actor):
    with pytest.raises(NotFound, match=r"access\.dataset_unknown"):
        await part.erase_dataset(of(actor))


async def test_pseudonym_keys_are_one_for_each_purpose_and_recipient(part):
    asked = [("research", "lab"), ("research", "lab"), ("research", "vendor"), ("operation", "lab")]
    keys = [(await part.pseudonym_key(PseudonymKeyOf(purpose=one, recipient=other))).key for one, other in asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


# -- leak notices -------------------------------------------------------------------------------------------------------


async def test_a_notice_that_is_not_reported_in_time_is_an_alarm(part, shelf):
    notice = await shelf.administration.open_leak(shelf.local, title="a laptop is gone", text="in a train")
    assert notice.due - notice.opened == 72 * 3600 * 1_000_000

    async def alarm(at):
        with clock.fixed(lambda: at):
            await part.look()
        return not {check.name: check for check in part.checks()}["leak_notices"].ok

    assert not await alarm(notice.due)
    assert await alarm(notice.due + 1)
    await shelf.administration.move_leak(shelf.local, notice.id, "assessed", text="500 rows, grade 2")
    assert await alarm(notice.due + 1)
    reported = await shelf.administration.move_leak(shelf.local, notice.id, "reported", text="to the authority")
    assert reported.reported is not None
    assert not await alarm(notice.due + 1)
    closed = await shelf.administration.move_leak(shelf.local, notice.id, "closed", text="laptop found, disk encrypted")
    assert [step.state for step in closed.steps] == ["opened", "assessed", "reported", "closed"]
    assert len(await shelf.office.audit("access:leak")) == 4


@pytest.mark.parametrize("state", ["reported", "closed", "opened"])
async def test_no_step_is_left_out(shelf, state):
    notice = await shelf.administration.open_leak(shelf.local, title="t", text="")
    with pytest.raises(Conflict, match=r"access\.leak_step_wrong"):
        await shelf.administration.move_leak(shelf.local, notice.id, state, text="x")
    with pytest.raises(NotFound, match=r"access\.leak_unknown"):
        await shelf.administration.move_leak(shelf.local, "01NONE", "assessed", text="x")


async def test_another_tenants_notices_are_not_there(shelf, database):
    await shelf.administration.open_leak(shelf.local, title="t", text="")
    with database.read() as connection:
        assert leaks.every(connection, "other") == []
