"""Who gets what in SQL: the caller's tags and rows as labels and policies have them, and no others."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from lineshaft.access.labels.testing import open_egress
from lineshaft.core import clock
from lineshaft.core.errors import DeadlineExceeded, InvalidInput, NotFound, RequestTimeout, TooLarge, TooMany
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.history.maintenance.work import Options, run
from lineshaft.history.model import TagSpec
from lineshaft.history.rollup import HOUR_US
from lineshaft.history.settings import HistorySettings
from lineshaft.history.sql import SqlQueries, SqlRequest
from lineshaft.history.sql import queries as sql_queries
from lineshaft.history.sql.api import answer_for
from lineshaft.history.store import Tags
from lineshaft.history.testing import BAD, START_US
from lineshaft.records.testing import sqlite_database

PLANT = "a/b/c/d/e/plant"
IDENTITY = Identity(format=1, tenant="main", site="box", prefix="99.1", created="2026-01-01T00:00:00Z")
ANN = Principal(
    id="99.1/person.1", name="ann", kind="person", tenant="main", roles=frozenset({"viewer"}),
    projects=frozenset({"main", "north"}),
)  # fmt: skip
ODA = Principal(id="99.1/person.2", name="oda", kind="person", tenant="other", roles=frozenset({"viewer"}))


@pytest.fixture
def asking(plants, tmp_path, sqlite_template):
    """Rows of two tenants and two projects, half of them hot; gives what asks in SQL."""

    @asynccontextmanager
    async def make(**settings):
        with sqlite_database(tmp_path, sqlite_template) as database:
            tags = Tags(database, HandleMinter("99.1"))
            specs = [TagSpec(path=f"{PLANT}/P", unit="kPa"), TagSpec(path=f"{PLANT}/N", project="north")]
            await database.write(tags.allocate, "main", specs)
            await database.write(tags.allocate, "other", [TagSpec(path=f"{PLANT}/S")])
            async with plants() as plant:
                for first in (0, 3):
                    await plant.publish(
                        [(tag, START_US + first + n, tag * 100.0 + first + n) for tag in (1, 2, 3) for n in range(3)]
                    )
                    await plant.taken()
                    if not first:
                        await plant.reader.seal()
                egress = open_egress(database, IDENTITY)
                yield plant, SqlQueries(plant.reader, tags, egress, HistorySettings(**settings))

    return make


def request(sql, *tags, **fields):
    return SqlRequest(
        sql=sql, from_=clock.rfc3339(START_US), to=clock.rfc3339(START_US + 10**6), tags=[*tags], **fields
    )


async def rows(queries, who, *asked, kind="json"):
    pieces = await queries.answer(who, request(*asked), kind)
    return msgspec.json.decode(b"".join([piece async for piece in pieces]))["rows"]


async def test_hot_and_sealed_rows_of_the_callers_tags_and_no_others(asking):
    async with asking() as (_, queries):
        every = "select tag, count(*), min(value), max(value) from samples group by tag order by tag"
        assert await rows(queries, ANN, every, f"{PLANT}/*") == [
            [f"{PLANT}/N", 6, 200.0, 205.0], [f"{PLANT}/P", 6, 100.0, 105.0],
        ]  # fmt: skip
        assert await rows(queries, ODA, every, "*") == [[f"{PLANT}/S", 6, 300.0, 305.0]]
        south = msgspec.structs.replace(ANN, projects=frozenset({"main"}))
        assert [row[0] for row in await rows(queries, south, every, "*")] == [f"{PLANT}/P"]
        # The tag's name in the statement brings nothing that was not asked for.
        assert await rows(queries, ANN, f"select * from samples where tag = '{PLANT}/S'", f"{PLANT}/P") == []
        assert await rows(queries, ANN, "select tag, unit from tags", f"{PLANT}/P") == [[f"{PLANT}/P", "kPa"]]
        for who, tag in ((ANN, f"{PLANT}/S"), (south, f"{PLANT}/N"), (ODA, f"{PLANT}/P*"), (ANN, "nothing/*")):
            with pytest.raises(NotFound):
                await queries.answer(who, request("select 1", tag), "json")


async def test_more_rows_or_statements_than_allowed_and_a_time_that_is_none_are_refused(asking):
    async with asking(sql_rows=5, sql_at_once=1, sql_seconds=12) as (_, queries):
        with pytest.raises(TooLarge) as caught:
            await queries.answer(ANN, request("from samples", f"{PLANT}/P"), "json")
        assert caught.value.code == "history.sql_too_many_rows"
        with pytest.raises(InvalidInput):
            await queries.answer(ANN, SqlRequest(sql="select 1", from_="soon", tags=[f"{PLANT}/P"]), "json")
        first = await queries.answer(ANN, request("select * from range(3000000)", f"{PLANT}/P"), "ndjson")
        with pytest.raises(TooMany):
            await queries.answer(ANN, request("select 1", f"{PLANT}/P"), "json")
        await first.aclose()
        assert await rows(queries, ANN, "select 1", f"{PLANT}/P") == [[1]]


async def test_a_slow_reader_holds_one_place_and_not_for_ever(asking, monkeypatch, until):
    expire, expired = sql_queries._expire, []
    bea = msgspec.structs.replace(ANN, id="99.1/person.3", name="bea")
    async with asking(sql_at_once=2, sql_seconds=120) as (_, queries):
        with monkeypatch.context() as patch:
            patch.setattr(sql_queries, "DELIVERY_SECONDS", -119.9)  # a moment in all, while others wait for two minutes
            patch.setattr(sql_queries, "_expire", lambda *statement: expired.append(statement))
            slow = await queries.answer(ANN, request("select * from range(3000000)", f"{PLANT}/P"), "ndjson")
        second = asyncio.create_task(rows(queries, ANN, "select 1", f"{PLANT}/P"))
        assert await rows(queries, bea, "select 1", f"{PLANT}/P") == [[1]]
        assert not second.done()
        assert queries.running == 1
        await until(lambda: bool(expired))
        expire(*expired[0])  # its time is over: now, when all this has been seen
        assert await second == [[1]]
        with pytest.raises(DeadlineExceeded) as caught:
            _ = [piece async for piece in slow]
        assert caught.value.code == "history.sql_delivered_too_slowly"
        assert queries.running == 0


async def test_a_caller_who_leaves_ends_the_process(asking, until):
    async with asking() as (_, queries):
        task = asyncio.create_task(
            queries.answer(ANN, request("select count(*) from range(10000000000000)", f"{PLANT}/P"), "json")
        )
        await until(lambda: queries.running == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert queries.running == 0


async def test_a_caller_who_hangs_up_before_the_answer_ends_the_process_too(asking, until):
    left = asyncio.Event()

    class Leaving:
        async def receive(self):
            await left.wait()
            return {"type": "http.disconnect"}

    async with asking() as (_, queries):
        endless = request("select count(*) from range(10000000000000)", f"{PLANT}/P")
        task = asyncio.create_task(answer_for(Leaving(), queries, ANN, endless, "json"))
        await until(lambda: queries.running == 1)
        left.set()
        with pytest.raises(RequestTimeout):  # and not an empty answer, which would be recorded as given
            await task
        assert queries.running == 0
        pieces = await answer_for(Staying(), queries, ANN, request("select 1", f"{PLANT}/P"), "csv")
        assert b"".join([piece async for piece in pieces]) == b"1\r\n1\r\n"


class Staying:
    """The request of a caller who waits for the answer."""

    async def receive(self):
        await asyncio.Event().wait()


async def test_hours_that_are_rolled_up_come_from_there_and_say_the_same(asking):
    async with asking(sql_rows=400) as (plant, queries):
        hour = START_US // HOUR_US * HOUR_US + HOUR_US
        samples = [
            (tag, hour + n * 20_000_000, n % 13 + 0.5, BAD if n % 45 == 0 else 0) for n in range(720) for tag in (1, 2)
        ]
        await plant.publish(samples)
        await plant.taken()
        await plant.reader.seal()
        every = "select * from rollup_1h order by tag, ts"
        asked = SqlRequest(
            sql=every, from_=clock.rfc3339(hour - 5), to=clock.rfc3339(hour + 5 * HOUR_US), tags=[f"{PLANT}/P"]
        )
        with pytest.raises(TooLarge):
            await queries.answer(ANN, asked, "json")
        generous = SqlQueries(plant.reader, queries._tags, queries._egress, HistorySettings())
        raw = await answered(generous, asked)
        assert [row[2:6] for row in raw] == [[180, 176, 0, 4]] * 4
        await asyncio.to_thread(run, plant.storage, Options(settle_us=0), lambda *_: None)
        plant.reader._calculator()[1]._looked = None
        assert_same(await answered(queries, asked), raw)
        await plant.publish([(1, hour + 2 * HOUR_US + 5, 1000.0)])
        await plant.taken()
        for _ in range(2):
            late = await answered(queries, asked)
            assert [row[8] for row in late] == [12.5, 12.5, 1000.0, 12.5]
            assert_same(late, await answered(generous, msgspec.structs.replace(asked, sql=f"{JOINED}{every}")))
            await plant.reader.seal()


JOINED = "with s as (select count(*) as n from samples) "
"""A statement that also asks for the samples gets no stored hours."""


async def answered(queries, asked):
    pieces = await queries.answer(ANN, asked, "json")
    return msgspec.json.decode(b"".join([piece async for piece in pieces]))["rows"]


def assert_same(rows, others):
    assert [[each for each in row if isinstance(each, str)] for row in rows] == [
        [each for each in row if isinstance(each, str)] for row in others
    ]
    assert [[each for each in row if not isinstance(each, str)] for row in rows] == [
        [each if each is None else pytest.approx(each) for each in row if not isinstance(each, str)] for row in others
    ]
