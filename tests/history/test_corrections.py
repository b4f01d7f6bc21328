"""Corrections: what a later sample or a person replaces stays visible, once, whoever is killed when."""

import msgspec
import pytest

from lineshaft.access.labels.testing import open_egress
from lineshaft.bus.telemetry import encode
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.history.corrections.api import Corrected, Correcting, correct
from lineshaft.history.corrections.record import GROUP, LANE, note_header, read_corrections
from lineshaft.history.model import TagSpec
from lineshaft.history.storage import LocalFolder
from lineshaft.history.store import Tags
from lineshaft.history.testing import START_US, LaneMessages, samples, table_rows
from lineshaft.records.testing import sqlite_database

HALF = START_US + 500_000


@pytest.fixture
def position():
    sequence = iter(range(1, 1000))
    return lambda: next(sequence)


@pytest.fixture
def lane(position):
    return LaneMessages("gateway", position=position)


def correction(position, rows, who="ada", reason="the sensor was swapped"):
    """A message of the history's own lane, as its service publishes it."""
    lane = LaneMessages(LANE, position=position)
    message = lane.next(rows, last=True)
    headers = {**message.headers, **note_header(who, reason)}
    return type(message)(
        message.sequence, f"ls.main.box.data.{LANE}.{GROUP}", headers, encode(samples(rows)), message.time_us
    )


def kept(writers):
    """(tag, µs, old, new, who, reason) of every record."""
    from deltalake import DeltaTable

    folder = writers.folder / "corrections"
    paths = DeltaTable(folder).get_add_actions(flatten=True).column("path").to_pylist()
    found = read_corrections(LocalFolder(folder), [str(path) for path in paths])
    return sorted((each.tag, each.ts_us, each.old, each.new, each.who, each.reason) for each in found)


async def test_a_late_sample_that_replaces_a_sealed_one_is_kept_beside_it(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.0), (2, START_US, "open"), (3, START_US, 7)]))
    await writer.seal()
    await writer.take(lane.next([(1, START_US, 2.0), (2, START_US, "shut"), (3, START_US, 7)]))
    await writer.seal()
    assert kept(writers) == [(1, START_US, 1.0, 2.0, "", "late"), (2, START_US, "open", "shut", "", "late")]
    assert table_rows(writers.folder)[0] == (1, START_US, 2.0, 0)


async def test_a_sample_that_comes_again_before_it_was_sealed_is_kept_too(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.0), (2, START_US, 5.0)]))
    await writer.take(lane.next([(1, START_US, 2.0), (2, START_US, 5.0)]))
    await writer.take(lane.next([(1, START_US, 3.0)]))
    await writer.seal()
    assert kept(writers) == [(1, START_US, 1.0, 3.0, "", "late"), (1, START_US, 2.0, 3.0, "", "late")]
    assert table_rows(writers.folder) == [(1, START_US, 3.0, 0), (2, START_US, 5.0, 0)]


async def test_a_correction_says_who_and_why_for_hot_sealed_and_missing_samples(writers, lane, position):
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.0), (2, START_US, 1)]))
    await writer.seal()
    await writer.take(lane.next([(1, HALF, 1.5)]))
    await writer.take(correction(position, [(1, START_US, 9.0), (1, HALF, 9.5), (3, START_US, True)]))
    assert writer.latest.rows([1]).column("v").to_pylist() == [9.5]
    await writer.seal()
    note = ("ada", "the sensor was swapped")
    assert kept(writers) == [
        (1, START_US, 1.0, 9.0, *note), (1, HALF, 1.5, 9.5, *note), (3, START_US, None, True, *note),
    ]  # fmt: skip
    assert [row[2] for row in table_rows(writers.folder)] == [9.0, 9.5, 1, True]
    await writer.take(lane.next([(1, START_US, 1.0)]))
    await writer.seal()
    assert (1, START_US, 9.0, 1.0, "", "late") in kept(writers), "the reason belonged to the correction alone"


async def test_what_was_recorded_before_a_kill_is_not_recorded_again(writers, lane, monkeypatch):
    writer = await writers.open()
    first = lane.next([(1, START_US, 1.0)])
    await writer.take(first)
    await writer.seal()
    second, third = lane.next([(1, START_US, 2.0)]), lane.next([(1, HALF, 4.0), (1, HALF, 5.0)])
    await writer.take(second)
    await writer.take(third)
    commit = writer._committer.commit

    async def killed(table, given):
        if table == "samples":
            raise RuntimeError("killed")
        return await commit(table, given)

    monkeypatch.setattr(writer._committer, "commit", killed)
    with pytest.raises(RuntimeError):
        await writer.seal()
    assert len(kept(writers)) == 2
    next_ = await writers.open()
    assert next_.committed == 1
    await next_.take(second)
    await next_.seal()
    await next_.take(third)
    await next_.seal()
    assert kept(writers) == [(1, START_US, 1.0, 2.0, "", "late"), (1, HALF, 4.0, 5.0, "", "late")]
    assert [row[2] for row in table_rows(writers.folder)] == [2.0, 5.0]


async def test_a_commit_that_another_overtook_is_prepared_anew_and_records_once(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.0)]))
    await writer.seal()
    await writer.take(lane.next([(1, START_US, 2.0)]))
    commit = writer._committer.commit
    refusals = iter([True])

    async def overtaken(table, given):
        if table == "samples" and next(refusals, False):
            raise Conflict("history.commit_conflict", "another commit came first", "It is tried again.")
        return await commit(table, given)

    monkeypatch.setattr(writer._committer, "commit", overtaken)
    with pytest.raises(Conflict):
        await writer.seal()
    await writer.seal()
    assert kept(writers) == [(1, START_US, 1.0, 2.0, "", "late")]


async def test_repeating_what_is_stored_records_nothing(writers, lane):
    writer = await writers.open()
    rows = [(1, START_US, 1.0), (1, HALF, float("nan"))]
    await writer.take(lane.next(rows))
    await writer.seal()
    await writer.take(lane.next(rows))
    await writer.seal()
    assert kept(writers) == []


async def test_a_correction_asked_for_is_in_the_table_with_the_old_value_beside_it(plants):
    async with plants() as plant:
        await plant.publish([(1, START_US, 1.0), (1, HALF, 2.0)])
        await plant.taken()
        await plant.reader.seal()
        answer = await plant.reader.correct(samples([(1, START_US, 7.5)], START_US), "ada", "误读 misread")
        assert await plant.raw([1]) == [(1, START_US, 7.5, 0), (1, HALF, 2.0, 0)]
        (record,) = await plant.reader.corrections([1, 2], 0, 2**60)
        assert (record.who, record.reason, record.old, record.new) == ("ada", "误读 misread", 1.0, 7.5)
        assert record.sequence >= answer.sequence
        assert await plant.reader.corrections([2], 0, 2**60) == []
        assert await plant.reader.gaps(0, 2**60) == []


async def test_a_correction_that_says_what_is_stored_is_not_recorded_as_put_in_where_nothing_was(
    writers, lane, position
):
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.0), (1, HALF, 2.0)]))
    await writer.seal()
    await writer.take(correction(position, [(1, START_US, 1.0), (1, HALF, 2.0), (1, HALF + 1, 3.0)]))
    await writer.seal()
    assert [(each[1], each[2], each[3]) for each in kept(writers)] == [(HALF + 1, None, 3.0)]


async def test_a_policy_that_forbids_writing_a_tag_holds_for_its_corrections(
    plants, tmp_path, sqlite_template, monkeypatch
):
    identity = Identity(format=1, tenant="main", site="box", prefix="99.1", created="2026-01-01T00:00:00Z")
    ada = Principal(id="99.1/person.1", name="ada", kind="person", tenant="main", roles=frozenset({"engineer"}))
    with sqlite_database(tmp_path, sqlite_template) as database:
        tags = Tags(database, HandleMinter("99.1"))
        paths = [f"a/b/c/d/e/f/{name}" for name in "PQ"]
        await database.write(tags.allocate, "main", [TagSpec(path=path) for path in paths])
        egress = open_egress(database, identity)
        authorize = egress.access.authorize

        def decide(principal, action, resource="*", context=None):
            decision = authorize(principal, action, resource, context)
            wrong = action == "history:write" and getattr(resource, "id", "") == paths[1]
            return msgspec.structs.replace(decision, allowed=False) if wrong else decision

        monkeypatch.setattr(egress.access, "authorize", decide)
        async with plants() as plant:

            async def corrected(*named):
                items = [Corrected(path=path, time=clock.rfc3339(START_US), value=1.5) for path in named]
                wish = Correcting(reason="misread", items=items)
                return await correct.fn(data=wish, history=plant.reader, egress=egress, tags=tags, principal=ada)

            with pytest.raises(Forbidden):
                await corrected(*paths)
            assert await plant.raw() == []
            assert len((await corrected(paths[0])).items) == 1
