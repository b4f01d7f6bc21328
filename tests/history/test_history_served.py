"""Corrections and files over HTTP and from the command line, on running services: who may, what is kept, what comes back."""

import asyncio
import json

import httpx
import polars as pl
import pytest
import structlog
from typer.testing import CliRunner

from lineshaft.access import Access, AccessSettings, principals, tokens
from lineshaft.access.labels import Label, LabelBook, Subject
from lineshaft.core import clock
from lineshaft.history.cli import app
from lineshaft.history.maintenance.work import Options, run
from lineshaft.history.rollup import DAY_US
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import START_US
from lineshaft.web.testing import PLANT, running_house

pytestmark = pytest.mark.timeout(300)
PATIENT = HistorySettings(hot_timeout_seconds=60)
DAY = START_US // DAY_US * DAY_US
SECOND = 1_000_000
CORRECTIONS = "/api/v1/history/corrections"


def at(second):
    return clock.rfc3339(DAY + second * SECOND)


def client(house, *roles):
    headers = {"authorization": f"Bearer {house.token(*roles)}"}
    return httpx.AsyncClient(base_url=house.url, headers=headers, timeout=100, trust_env=False)


async def command(house, *words, status=0):
    """What `lineshaft history …` prints, as JSON."""
    argv = [*words, "--home", str(house.home.path), "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, app, argv)
    assert done.exit_code == status, (done.output, done.exception)
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def logs_elsewhere():
    """The services run beside the commands: what they log is not to fall into what a command prints."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.configure(**before)


@pytest.fixture
def taken(until):
    """Waits until the history has taken in so many rows."""

    async def wait(house, rows):
        await until(lambda: house.history.writer is not None and house.history.writer.counts.rows >= rows)

    return wait


async def test_who_may_correct_what_and_what_is_kept_of_it(tmp_path, taken, until):
    async with running_house(tmp_path, PATIENT) as house:
        one, two = house.tags("ONE", "TWO")
        await house.publish(*((path, float(n), DAY + n * SECOND) for path in (one, two) for n in range(5)))
        await taken(house, 10)
        async with client(house, "engineer") as engineer, client(house, "viewer") as viewer:
            assert (await engineer.post("/api/v1/history/seal")).status_code in (200, 201)
            storage = HistorySettings().storage(house.home)
            await asyncio.to_thread(run, storage, Options(settle_us=0), lambda *_: None)  # into the file of its day
            wish = {"reason": "the sensor was swapped", "items": [{"path": one, "time": at(2), "value": 20.5}]}
            assert (await viewer.post(CORRECTIONS, json=wish)).status_code == 403
            answer = await engineer.post(CORRECTIONS, json=wish)
            assert answer.status_code == 201, answer.text
            (made,) = answer.json()["items"]
            assert (made["old"], made["new"], made["reason"]) == (2.0, 20.5, "the sensor was swapped")
            asked = {"tag": [one], "from": at(0), "to": at(9)}
            raw = (await viewer.get("/api/v1/history/raw", params=asked)).json()["items"]
            assert [item["value"] for item in raw] == [0.0, 1.0, 20.5, 3.0, 4.0]
            (seen,) = (await viewer.get(CORRECTIONS, params=asked)).json()["items"]
            assert (seen["old"], seen["new"], seen["who"]) == (2.0, 20.5, made["who"])
            entries = await Access(house.database, house.identity, AccessSettings()).entries(limit=100)
            noted = [entry for entry in entries if entry.action == "history:write"]
            assert [entry.outcome for entry in reversed(noted)] == ["denied", "done"], noted
            # Who may not read a value may not learn it by correcting it.
            book = LabelBook(house.identity.tenant)
            for path, grade in ((one, 1), (two, 3)):
                label = Label(domain="production", grade_2020=grade, grade_2022="general")
                house.database.transact(book.put, Subject("tag", path), label, author="me", state="confirmed")
            low = house.principal("low", "engineer")
            house.database.transact(principals.set_clearance, low.id, 2)
            expires = clock.now_us() + 3600 * clock.MICROSECONDS
            made = house.database.transact(tokens.create, low.id, "test", ["*"], expires)
            engineer.headers["authorization"] = f"Bearer {made.text}"
            hidden = {"reason": "curious", "items": [{"path": two, "time": at(2), "value": 1.0}]}

            async def refused():
                answer = await engineer.post(CORRECTIONS, json=hidden)
                return answer.status_code == 403 and "grade" in answer.text

            await until(refused)
            own = {"reason": "seen", "items": [{"path": one, "time": at(3), "value": 1.0}]}

            async def admitted():  # once the label has gone round
                return (await engineer.post(CORRECTIONS, json=own)).status_code == 201

            await until(admitted)
            assert await refused()


async def test_corrections_and_files_from_the_command_line(tmp_path, taken):
    async with running_house(tmp_path, PATIENT) as house:
        one, *_ = paths = house.tags(*(f"T{number:04}" for number in range(1100)))
        await house.publish(*((path, 1.5, DAY) for path in paths))
        await taken(house, 1100)
        (made,) = await command(house, "correct", one, at(0), "2.5", "--reason", "misread")
        assert (made["old"], made["new"]) == (1.5, 2.5)
        (seen,) = await command(house, "corrections", one, "--from", at(0), "--to", at(9))
        assert seen["reason"] == "misread"
        for name in ("all.parquet", "all.csv", "all.ndjson", "all.arrow"):
            file = tmp_path / name
            await command(house, "export", str(file), "--tag", f"{PLANT}/*", "--from", at(0), "--to", at(9))
            read = {
                "parquet": pl.read_parquet,
                "csv": pl.read_csv,
                "ndjson": pl.read_ndjson,
                "arrow": pl.read_ipc_stream,
            }
            found = read[file.suffix[1:]](file)
            assert sorted(found["path"].to_list()) == sorted(paths), name
        lines = [f"{path},{at(second)},{second}.25" for path in paths[:3] for second in (3, 4)]
        (tmp_path / "old.csv").write_text("\n".join(["path,time,value", *lines]))
        (tmp_path / "other.csv").write_text(f"path,time,value\n{one},{at(5)},5.25\n")
        before = house.history.writer.counts.repeated_batches
        for _ in range(2):
            done = await command(house, "import", str(tmp_path / "old.csv"))
            assert (done["rows"], done["stored"], done["faults"]) == (6, 6, 0)
        await command(house, "import", str(tmp_path / "other.csv"))
        await taken(house, 1100 + 1 + 7)
        assert house.history.writer.counts.repeated_batches == before
        await command(house, "seal")
        async with client(house, "viewer") as viewer:
            asked = {"tag": paths[:3], "from": at(1), "to": at(9)}
            raw = (await viewer.get("/api/v1/history/raw", params=asked)).json()["items"]
        assert sorted(item["value"] for item in raw) == [3.25, 3.25, 3.25, 4.25, 4.25, 4.25, 5.25]


async def test_an_import_that_stopped_halfway_goes_on_and_is_no_gap(plants, tmp_path, sqlite_template):
    from lineshaft.bus import BatchHeader
    from lineshaft.bus.telemetry import encode
    from lineshaft.history.intake import IMPORTS
    from lineshaft.history.testing import samples

    async with plants() as plant:
        web = plant.asker

        async def send(file, seq, rows, *, last=False):
            header = BatchHeader(
                gateway=IMPORTS, boot=file * 32, seq=seq, rows=len(rows), group="file", first=seq == 1, last=last
            )
            data = encode(samples(rows)) if rows else b""
            subject = plant.bus.subjects.data(IMPORTS, "file")
            stored = await web.publish_stored(subject, data, header.to_headers(), f"{file}:{seq}")
            await plant.taken(stored.sequence)

        await send("a", 1, [(1, START_US, 1.0)])
        await send("b", 1, [(1, START_US + 1, 2.0)])
        await send("b", 2, [], last=True)
        await plant.reader.seal()
        await send("a", 1, [(1, START_US, 1.0)])
        await send("a", 2, [(1, START_US + 2, 3.0)])
        await send("a", 3, [], last=True)
        await plant.reader.seal()
        assert [row[2] for row in await plant.raw()] == [1.0, 2.0, 3.0]
        assert await plant.reader.gaps(0, 2**60) == []
