"""Queries: hot and sealed rows as one answer of one moment, in order, each row once, page by page or whole."""

import asyncio
import itertools
import os

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from lineshaft.core.errors import Unavailable
from lineshaft.history import reader as reading
from lineshaft.history.reader import HistoryReader
from lineshaft.history.schema import VALUE_EXPRESSION
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import START_US, listed

SECOND = 1_000_000
_PUBLISHED = 600 if os.environ.get("LINESHAFT_SOAK") == "1" else 50


def series(tag: int, *values, start: int = 0) -> list[tuple]:
    return [(tag, START_US + (start + n) * SECOND, value) for n, value in enumerate(values)]


def expected(*rows: tuple) -> list[tuple]:
    return [(*row, 0) for row in sorted(rows, key=lambda row: (row[1], row[0]))]


async def test_hot_and_sealed_rows_make_one_answer_by_time_and_tag(plants):
    async with plants() as plant:
        await plant.publish([*series(1, 1.0, 2.0), *series(2, "a", "b")])
        await plant.taken()
        await plant.reader.seal()
        late = [(2, START_US + SECOND // 2, "late")]
        await plant.publish([*series(1, 3.0, start=2), *late, *series(1, 9.0, start=1)])
        await plant.taken()
        rows = [*series(1, 1.0, 9.0, 3.0), *series(2, "a", "b"), *late]
        assert await plant.raw() == expected(*rows), "the hot row is the newer content of its time"
        assert await plant.raw([1], START_US + SECOND, START_US + 2 * SECOND) == expected(*series(1, 9.0, start=1))
        assert await plant.raw([5]) == []
        assert await plant.raw([]) == []
        assert await plant.raw(None, START_US + SECOND, START_US + SECOND) == []
        assert listed(await plant.reader.latest()) == [
            (*series(1, 3.0, start=2)[0], 0),
            (*series(2, "b", start=1)[0], 0),
        ]
        assert listed(await plant.reader.latest([2, 77])) == [(*series(2, "b", start=1)[0], 0)]
        assert len(await plant.reader.latest([])) == 0


async def test_the_reader_opens_exactly_the_version_that_the_hot_rows_belong_to(plants, monkeypatch):
    """Between the writer's answer and the look into the table everything is sealed and a segment replaced."""
    async with plants() as plant:
        await plant.publish(series(1, 1.0, 2.0))
        await plant.taken()
        await plant.reader.seal()
        await plant.publish([*series(1, 3.0, start=2), *series(1, 7.0)])
        await plant.taken()
        gather = plant.reader._gather

        async def then_seal(verb, request):
            answer = await gather(verb, request)
            await plant.reader.seal()
            await plant.publish([*series(1, 8.0), *series(1, 9.0, start=9)])
            await plant.taken()
            await plant.reader.seal()
            return answer

        monkeypatch.setattr(plant.reader, "_gather", then_seal)
        assert await plant.raw() == expected(*series(1, 7.0, 2.0, 3.0))
        monkeypatch.undo()
        assert await plant.raw() == expected(*series(1, 8.0, 2.0, 3.0), *series(1, 9.0, start=9))


async def test_pages_of_any_size_make_up_the_whole(plants, monkeypatch):
    monkeypatch.setattr(reading, "_PART_ROWS", 5)
    async with plants() as plant:
        rows = []
        for block in range(4):
            rows += [row for tag in (1, 2, 3) for row in series(tag, *map(float, range(7)), start=7 * block)]
            await plant.publish(rows[-21:])
            await plant.taken()
            if block < 3:
                await plant.reader.seal()
        whole = expected(*rows)
        assert await plant.raw() == whole
        for size in (1, 4, 50):
            paged, after = [], None
            while page := await plant.raw([1, 2, 3], limit=size, after=after):
                assert len(page) <= size
                paged += page
                after = (page[-1][1], page[-1][0])
            assert paged == whole


async def test_an_answer_never_misses_or_repeats_a_row_while_everything_is_being_sealed(plants):
    async with plants(seal_seconds=0.02) as plant:
        sent = answers = 0
        done = asyncio.Event()

        async def publish() -> None:
            nonlocal sent
            for n in itertools.count():
                if n >= _PUBLISHED and answers > 5 and plant.service.writer.counts.seals > 3:
                    break
                await plant.publish([(tag, START_US + n * SECOND, float(n)) for tag in (1, 2)])
                await plant.taken()
                sent = n + 1
            done.set()

        publishing = asyncio.create_task(publish())
        while not done.is_set():
            before = sent
            rows = await plant.raw([1])
            assert [value for _, _, value, _ in rows] == [float(n) for n in range(len(rows))]
            assert before <= len(rows) <= sent + 1
            answers += 1
        await publishing


async def test_a_file_that_goes_while_it_is_read_is_replaced_by_the_newest_version(plants, monkeypatch):
    async with plants(retired_seconds=0) as plant:
        await plant.publish(series(1, 1.0, 2.0))
        await plant.taken()
        await plant.reader.seal()
        files = plant.reader._samples.files
        loop = asyncio.get_running_loop()

        async def replace() -> None:
            await plant.publish(series(1, 7.0))
            await plant.taken()
            await plant.reader.seal()

        def then_replace(version):
            found = files(version)
            if not replaced:
                replaced.append(True)
                asyncio.run_coroutine_threadsafe(replace(), loop).result(120)
            return found

        replaced: list[bool] = []
        monkeypatch.setattr(plant.reader._samples, "files", then_replace)
        assert await plant.raw() == expected(*series(1, 7.0, 2.0))


async def test_a_file_that_is_gone_for_good_is_an_error_and_no_short_answer(plants):
    async with plants() as plant:
        await plant.publish(series(1, 1.0))
        await plant.taken()
        await plant.reader.seal()
        for path in (plant.folder / "samples").glob("*.parquet"):
            path.unlink()
        with pytest.raises(Unavailable) as refused:
            await plant.raw()
        assert refused.value.code == "history.segment_gone"


async def test_large_answers_come_in_chunks_that_fit_a_message(plants):
    async with plants() as plant:
        rows = []
        for block in range(12):
            rows += [(1, START_US + n, "x" * 300) for n in range(block * 2000, block * 2000 + 2000)]
            await plant.publish(rows[-2000:])
        await plant.taken()
        found = await plant.raw([1])
        assert len(found) == 24_000
        assert found == expected(*rows)


async def test_gaps_of_both_places_are_told_once_and_by_time_and_gateway(plants):
    async with plants() as plant:
        await plant.publish([])
        plant.lane.seq += 1
        await plant.publish([])
        await plant.taken()
        await plant.reader.seal()
        plant.lane.seq += 2
        await plant.publish([])
        await plant.taken()
        gaps = await plant.reader.gaps(0, 2**60)
        assert [(gap.cause, gap.from_seq, gap.to_seq) for gap in gaps] == [("sequence", 2, 2), ("sequence", 4, 5)]
        assert await plant.reader.gaps(0, 2**60, "oven") == []
        assert await plant.reader.gaps(0, gaps[0].from_us) == []
        assert await plant.reader.gaps(gaps[1].to_us, 2**60) == gaps[1:]
        await plant.reader.seal()
        assert await plant.reader.gaps(0, 2**60) == gaps


async def test_a_query_waits_for_a_writer_that_is_starting_and_no_longer(plants, soon_tired):
    async with plants(started=False) as plant:
        impatient = HistoryReader(HistorySettings(hot_timeout_seconds=30), plant.bus.home, plant.asker)
        with soon_tired(), pytest.raises(Unavailable) as refused:
            await impatient.latest()
        assert refused.value.code == "bus.no_service"
        waiting = asyncio.create_task(plant.raw())
        await plant.start()
        assert await waiting == []


async def test_foreign_engines_read_the_table_as_we_do(plants):
    """Polars through the Delta log, DuckDB on the files, each with the documented expression."""
    async with plants() as plant:
        numbers = [(1, START_US + n, value) for n, value in enumerate([0.1, -0.0, 1e300, 7, -(2**40)])]
        await plant.publish([*numbers, (2, START_US, "open"), (3, START_US, True), (4, START_US, float("nan"))])
        await plant.taken()
        await plant.reader.seal()
        await plant.publish([(1, START_US + 1, 5.5), (1, START_US + 99, 2.5)])
        await plant.taken()
        await plant.reader.seal()
        ours = [(tag, ts, value) for tag, ts, value, _ in await plant.raw([1])]
        assert [value for _, _, value in ours] == [0.1, 5.5, 1e300, 7, -(2**40), 2.5]
        query = f"SELECT tag, epoch_us(ts), {VALUE_EXPRESSION} FROM {{}} WHERE tag = 1 ORDER BY ts"
        table = DeltaTable(plant.folder / "samples")
        files = [
            f"{plant.folder}/samples/{path}" for path in table.get_add_actions(flatten=True).column("path").to_pylist()
        ]
        assert duckdb.sql(query.format(f"read_parquet({files})")).fetchall() == ours
        frame = pl.scan_delta(str(plant.folder / "samples"))
        value = pl.coalesce("v", pl.col("vi") * pl.col("mul") / pl.col("div"))
        found = frame.filter(pl.col("tag") == 1).sort("ts").select("tag", pl.col("ts").dt.epoch("us"), value).collect()
        assert found.rows() == ours
        others = frame.filter(pl.col("tag") > 1).sort("tag").select("vs", "vb", "v", "q").collect().rows()
        assert others[:2] == [("open", None, None, 0), (None, True, None, 0)]
        assert others[2][3] == 0x80310000
