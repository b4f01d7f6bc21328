"""Grades that nobody lowers above their clearance, and a day's volume that several at once do not exceed."""

import asyncio

import pyarrow as pa
import pytest
from msgspec.structs import replace

from lineshaft.access.labels import LabelSettings, Subject
from lineshaft.access.labels.store import LABEL
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, TooMany

PLANT = "acme/north/area/line/cell/dev"
TAG = Subject("tag", f"{PLANT}/A")


@pytest.fixture
def label_settings():
    return LabelSettings(external_rows_per_day=100, canaries=0)


async def test_nobody_lowers_a_grade_above_their_clearance(shelf):
    await shelf.put(f"{PLANT}/low", grade_2020=1)
    engineer = replace(shelf.local, clearance=1)
    low = Subject("tag", f"{PLANT}/low")
    acts = [
        lambda: shelf.administration.set_label(engineer, TAG, shelf.label(grade_2020=1), reason="x"),
        lambda: shelf.administration.derive(engineer, TAG, [low]),
    ]
    for act in acts:  # nobody labelled it: it counts as the highest grade
        with pytest.raises(Forbidden) as refusal:
            await act()
        assert refusal.value.code == "access.clearance_too_low"
    await shelf.put(PLANT, grade_2020=1)
    await shelf.put(TAG.path, grade_2020=3)
    acts.append(lambda: shelf.administration.withdraw(engineer, TAG, reason="x"))
    for act in acts:
        with pytest.raises(Forbidden):
            await act()
    await shelf.administration.set_label(engineer, low, shelf.label(grade_2020=2), reason="higher is fine")


async def test_nobody_confirms_a_proposal_about_what_is_above_their_clearance(shelf):
    from lineshaft.access.labels import grading

    await shelf.administration.propose(shelf.local, [grading.Object(path=TAG.path)], owner="")
    engineer = replace(shelf.local, clearance=1)
    with pytest.raises(Forbidden):
        await shelf.administration.decide(engineer, [TAG], confirm=True)
    await shelf.administration.decide(engineer, [TAG], confirm=False)


async def test_a_decision_is_seen_although_the_clock_stepped_back(shelf):
    from lineshaft.access.labels import grading

    await shelf.put(PLANT, grade_2020=1)
    await shelf.administration.propose(shelf.local, [grading.Object(path=TAG.path, description="interlock")], owner="")
    with_future = LABEL.update().where(LABEL.c.state == "confirmed").values(decided=clock.now_us() + 10**12)
    shelf.office.database.transact(lambda connection: connection.execute(with_future))
    assert (await shelf.grades(TAG.path)).grade_2020 == 1
    await shelf.administration.decide(shelf.local, [TAG], confirm=True)
    shelf.forget()
    assert (await shelf.grades(TAG.path)).grade_2020 == 3


async def test_answers_that_leave_at_the_same_time_share_the_day(shelf):
    await shelf.put(PLANT, grade_2020=1)

    async def admit():
        return await shelf.egress.admit(shelf.local, "history:read", [TAG], recipient="vendor", carried=True)

    async def batch():
        yield pa.RecordBatch.from_pydict({"tag": [1] * 60})

    releases = await asyncio.gather(*(admit() for _ in range(4)))
    given, refused = 0, 0
    for release in releases:
        try:
            async for rows in release.rows(batch(), {}):
                given += len(rows)
        except TooMany:
            refused += 1
    assert (given, refused) == (60, 3)
    await shelf.egress.close()
