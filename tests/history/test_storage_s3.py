"""The same tables in an object store: durable when answered, fenced, and readable by others."""

import asyncio
import contextlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, Unavailable
from lineshaft.core.home import Home
from lineshaft.history import credentials
from lineshaft.history.commits import Commit, Fence
from lineshaft.history.committer import Committer, Tables
from lineshaft.history.direct.history import SealedHistory, open_table
from lineshaft.history.schema import VALUE_EXPRESSION
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.settings import HistorySettings
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import Place, open_storage
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, LaneMessages, listed, rows_of, table_rows
from lineshaft.history.testing_s3 import BUCKET, ObjectStore, object_store
from lineshaft.history.views.text import view
from lineshaft.history.writer import Writer

SECOND = 1_000_000
CREATED = "2026-01-01T00:00:00.000000001Z"
ALL = (-(2**62), 2**62)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"{abs(hash(request.node.nodeid)):x}/history"


class CommitsHere(Committer):
    """Commits in this process: the same tables without the time that a process takes to start."""

    def __init__(self, storage: Any) -> None:
        super().__init__(storage)
        self._tables = Tables(storage)

    async def _exchange(self, request: Any) -> Any:
        return await asyncio.to_thread(self._tables.answer, request)


class Life:
    """Writers on one storage, one after the other."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self._open: list[Writer] = []

    async def writer(self, committer: type[Committer] = CommitsHere) -> Writer:
        made = Writer(HistorySettings(), self.storage, committer(self.storage), self._bury)
        self._open.append(made)
        await made.open("TELEMETRY", CREATED)
        return made

    async def close(self) -> None:
        for writer in self._open:
            await writer.close()

    async def _bury(self, message: Any, reason: str) -> None:
        raise AssertionError(reason)


@pytest.fixture
async def life(store: ObjectStore, prefix: str) -> Any:
    made = Life(store.storage(prefix))
    yield made
    await made.close()


def series(tag: int, *values: Any, start: int = 0) -> list[tuple]:
    return [(tag, START_US + (start + n) * SECOND, value) for n, value in enumerate(values)]


def segment_of(storage: Any, *tags: int) -> Any:
    written = write_segment(storage, "writer-0", ordered([rows_of([(tag, START_US, float(tag)) for tag in tags])]))
    return written if isinstance(written, list) else [written]


def moved(fence: Fence, sequence: int) -> Fence:
    return Fence(application=fence.application, sequence=sequence, epoch=fence.epoch)


# -- the storage itself -----------------------------------------------------------------------------------------------


def test_files_are_written_read_listed_replaced_and_deleted(store, prefix):
    storage = store.storage(prefix)
    assert storage.names() == []
    assert storage.child("a").write("one", lambda path: path.write_bytes(b"1" * 9_000_000) and None) == 9_000_000
    with storage.child("a").open("one") as file:
        file.seek(8_999_999)
        assert file.read() == b"1"
    storage.replace("two", b"old")
    storage.replace("two", b"new")
    assert storage.read("two") == b"new"
    assert [(each.name, each.size) for each in storage.names()] == [("two", 3)]
    storage.delete("two")
    storage.delete("two")
    assert storage.names() == []
    with pytest.raises(FileNotFoundError):
        storage.open("two")
    with pytest.raises(FileNotFoundError):
        storage.read("two")


async def test_the_printed_view_for_polars_reads_the_store(life, prefix, store, monkeypatch):
    writer = await life.writer()
    await writer.take(LaneMessages().next(series(1, 1.5, 2.25)))
    await writer.seal()
    names: dict[str, Any] = {}
    exec(view("polars", life.storage.place), names)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.credentials.secret_key)
    frame = await asyncio.to_thread(names["samples"]().collect)
    assert sorted(frame["value"].to_list()) == [1.5, 2.25]


def test_a_file_that_could_not_be_made_is_not_stored(store, prefix):
    storage = store.storage(prefix)

    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        storage.write("half", fails)
    assert storage.names() == []


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"url": "s3://key:secret@bucket/prefix"}, "history.store_address_invalid"),
        ({"url": "s3://bucket"}, "history.store_prefix_missing"),
        ({"url": "s3://bucket/a b"}, "history.store_address_invalid"),
        ({"url": "gs://bucket/a"}, "history.url_unsupported"),
        ({"url": "s3://bucket/a", "endpoint": "http://store.example"}, "history.endpoint_insecure"),
        ({"url": "s3://bucket/a", "endpoint": "https://key:secret@store.example"}, "history.endpoint_invalid"),
        ({"url": "s3://bucket/a", "endpoint": "store.example"}, "history.endpoint_invalid"),
    ],
)
def test_an_address_that_is_none_or_unsafe_is_refused_and_shows_no_key(tmp_path, settings, code):
    with pytest.raises(InvalidInput) as refused:
        HistorySettings(**settings).storage(Home(tmp_path))
    assert refused.value.code == code
    assert "secret" not in f"{refused.value} {refused.value.facts}"


def test_keys_come_from_the_secret_file_or_the_environment_and_from_nowhere_else(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path)
    storage = HistorySettings(url="s3://bucket/a", endpoint="http://127.0.0.1:1").storage(home)
    with pytest.raises(Unavailable) as missing:
        storage.names()
    assert missing.value.code == "history.credentials_missing"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "environment")
    assert storage.table_arguments()[1]["AWS_SECRET_ACCESS_KEY"] == "environment"
    credentials.keep(home, credentials.Credentials(access_key="from", secret_key="file"))
    assert storage.table_arguments()[1]["AWS_SECRET_ACCESS_KEY"] == "file"
    assert "file" not in repr(credentials.load(str(credentials.credentials_file(home))))
    credentials.credentials_file(home).chmod(0o644)
    with pytest.raises(Unavailable) as exposed:
        storage.table_arguments()
    assert exposed.value.code == "history.credentials_exposed"
    assert credentials.forget(home)
    assert not credentials.forget(home)


def test_wrong_keys_are_said_clearly_and_never_shown(store, prefix, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"access_key": store.credentials.access_key, "secret_key": "wrong-secret"}))
    keys.chmod(0o600)
    place = Place(url=f"s3://{BUCKET}/{prefix}", endpoint=store.endpoint, credentials=str(keys))
    with pytest.raises(Unavailable) as refused:
        Table(open_storage(place).child("samples"), "samples")
    assert refused.value.code == "history.store_refused"
    assert "signature" in refused.value.message
    assert "wrong-secret" not in f"{refused.value} {refused.value.facts}"


# -- commits ----------------------------------------------------------------------------------------------------------


async def test_a_writer_keeps_rows_gaps_and_snapshot_there_and_goes_on_after_a_kill(life):
    """End to end with the committing process; the second life knows all from the snapshot."""
    lane = LaneMessages("press")
    first = await life.writer(Committer)
    await first.take(lane.next(series(1, 1.0, 2.0)))
    lane.seq += 1
    await first.take(lane.next(series(2, "open", "shut")))
    assert await first.seal() == 4
    await first.take(lane.next(series(1, 9.0, start=1)))
    assert await first.seal() in (0, 1)
    expected = [
        (1, START_US, 1.0, 0),
        (2, START_US, "open", 0),
        (1, START_US + SECOND, 9.0, 0),
        (2, START_US + SECOND, "shut", 0),
    ]
    assert sorted(table_rows(life.storage), key=lambda row: (row[1], row[0])) == expected
    assert Table(life.storage.child("gaps"), "gaps").segments()[0].rows == 1
    second = await life.writer()
    assert second.committed == first.committed == 3
    assert second.latest.rows().to_pylist() == first.latest.rows().to_pylist()
    assert [stored.name for stored in life.storage.child("snapshots").names()]
    reader = SealedHistory(life.storage)
    assert listed(reader.raw(None, *ALL)) == expected
    assert listed(reader.raw([2], START_US + SECOND, START_US + 2 * SECOND)) == expected[-1:]


async def test_of_two_zombies_and_a_new_writer_only_the_new_one_commits(life):
    lane = LaneMessages("press")
    message = lane.next(series(1, 1.0))
    zombies = [await life.writer(), await life.writer()]
    for zombie in zombies:
        await zombie.take(message)
    writer = await life.writer()
    refusals = await asyncio.gather(*(zombie.seal() for zombie in zombies), return_exceptions=True)
    assert [getattr(each, "code", each) for each in refusals] == ["history.writer_superseded"] * 2
    await writer.take(message)
    assert await writer.seal() == 1
    assert len(table_rows(life.storage)) == 1


_SHARD = """
import sys, msgspec
from lineshaft.history.storage import Place, open_storage
from lineshaft.history.table import Table
from lineshaft.history.commits import Commit, Fence
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.testing import START_US, rows_of
place, shard, count = msgspec.json.decode(sys.argv[1], type=Place), int(sys.argv[2]), int(sys.argv[3])
storage = open_storage(place).child("samples")
table = Table(storage, "samples")
fence = table.claim(f"TELEMETRY@x/{shard}")
sys.stdin.readline()
for number in range(1, count + 1):
    added = write_segment(storage, f"writer-{shard}", ordered([rows_of([(shard, START_US + number, float(number))])]))
    table.commit(Commit(fence=fence, sequence=number, add=added if isinstance(added, list) else [added]))
    fence = Fence(application=fence.application, sequence=number, epoch=fence.epoch)
print("done")
"""


def _shards(store: ObjectStore, prefix: str, numbers: tuple[int, ...], count: int) -> list[tuple[int, str]]:
    """Writers in processes of their own that begin together; (exit code, last line of errors) of each."""
    import msgspec

    place = msgspec.json.encode(store.place(prefix)).decode()
    Table(store.storage(prefix).child("samples"), "samples")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _SHARD, place, str(number), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in numbers
    ]  # fmt: skip
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=120) for process in running]
    return [(process.returncode, errors[-400:]) for process, (_, errors) in zip(running, ended, strict=True)]


def test_two_shards_commit_at_once_and_neither_loses_a_row(store, prefix):
    count = 12
    assert _shards(store, prefix, (1, 2), count) == [(0, ""), (0, "")]
    table = Table(store.storage(prefix).child("samples"), "samples")
    assert [table.transaction(f"TELEMETRY@x/{shard}") for shard in (1, 2)] == [count, count]
    assert len(table_rows(store.storage(prefix))) == 2 * count
    assert table.version == 2 * count + 2


def test_of_two_commits_that_remove_one_file_one_wins(store, prefix):
    storage = store.storage(prefix).child("samples")
    one, other = Table(storage, "samples"), Table(storage, "samples")
    fence, second = one.claim("A"), other.claim("B")
    added = segment_of(storage, 1)
    one.commit(Commit(fence=fence, sequence=1, add=added))
    other.refresh()
    write = other._write

    def late(actions: Any, transactions: Any) -> None:
        one.commit(Commit(fence=moved(fence, 1), sequence=2, add=segment_of(storage, 1), remove=[added[0].path]))
        write(actions, transactions)

    other._write = late  # type: ignore[method-assign]
    with pytest.raises(Conflict) as refused:
        other.commit(Commit(fence=second, sequence=1, add=segment_of(storage, 1), remove=[added[0].path]))
    assert refused.value.code == "history.commit_conflict"
    assert len(table_rows(store.storage(prefix))) == 1


def test_a_commit_whose_answer_was_lost_is_not_made_twice(store, prefix):
    storage = store.storage(prefix).child("samples")
    table = Table(storage, "samples")
    fence = table.claim("A")
    write = table._write

    def answer_lost(actions: Any, transactions: Any) -> None:
        write(actions, transactions)
        raise OSError("Generic S3 error: connection reset")

    table._write = answer_lost  # type: ignore[method-assign]
    commit = Commit(fence=fence, sequence=1, add=segment_of(storage, 1))
    version = table.commit(commit)
    assert Table(storage, "samples").commit(commit) == version
    assert len(table_rows(store.storage(prefix))) == 1


# -- readers ----------------------------------------------------------------------------------------------------------


async def test_foreign_readers_see_the_same_rows_by_the_documented_expression(life):
    chance = random.Random(7)
    lane = LaneMessages("press")
    writer = await life.writer()
    numbers: dict[tuple[int, int], float] = {}
    for batch in range(3):
        rows = [
            (tag, START_US + batch * 60 * SECOND + n * SECOND, value)
            for tag, make in _KINDS.items()
            for n, value in enumerate(make(chance, 50))
        ]
        numbers.update(((tag, ts), float(value)) for tag, ts, value in rows)
        await writer.take(lane.next(rows))
        await writer.seal()
    expected = sorted((tag, ts, value) for (tag, ts), value in numbers.items())
    url, options = life.storage.child("samples").table_arguments()
    assert _polars(url, options) == expected
    assert _duckdb_dataset(life.storage) == expected
    assert _duckdb_buffers(life.storage) == expected
    ours = SealedHistory(life.storage)
    found = [(row[0], row[1], float(row[2])) for row in listed(ours.raw(None, *ALL))]
    assert sorted(found) == expected


_KINDS: dict[int, Callable[[random.Random, int], list[Any]]] = {
    1: lambda chance, count: [round(chance.gauss(60, 3), 2) for _ in range(count)],
    2: lambda chance, count: [chance.randrange(65536) * 100 / 65535 for _ in range(count)],
    3: lambda chance, count: [chance.random() for _ in range(count)],
    4: lambda _, count: list(range(count)),
    5: lambda chance, count: [float(chance.choice([20, 25, 30])) for _ in range(count)],
}


def _polars(url: str, options: dict[str, str] | None) -> list[tuple]:
    number = pl.coalesce(pl.col("v"), pl.col("vi") * pl.col("mul") / pl.col("div"))
    documented = {name: value for name, value in (options or {}).items() if name.startswith("AWS_")}
    frame = pl.scan_delta(url, storage_options=documented).select("tag", pl.col("ts").dt.timestamp("us"), number)
    return sorted(frame.collect().rows())


def _duckdb_dataset(storage: Any) -> list[tuple]:
    """A DuckDB without an extension for object stores reads through Arrow's."""
    url, options = storage.child("samples").table_arguments()
    paths = DeltaTable(url, storage_options=options).get_add_actions(flatten=True).column("path").to_pylist()
    samples = ds.dataset([f"{url.removeprefix('s3://')}/{path}" for path in paths], filesystem=storage._client.files())
    with duckdb.connect() as connection:
        connection.register("samples", samples)
        return sorted(connection.execute(f"select tag, epoch_us(ts), {VALUE_EXPRESSION} from samples").fetchall())


def _duckdb_buffers(storage: Any) -> list[tuple]:
    samples = storage.child("samples")
    url, options = samples.table_arguments()
    paths = DeltaTable(url, storage_options=options).get_add_actions(flatten=True).column("path").to_pylist()
    found: list[tuple] = []
    with duckdb.connect() as connection:
        for path in paths:
            table = pq.read_table(io.BytesIO(samples.read(path)))
            connection.register("samples", table)
            found += connection.execute(f"select tag, epoch_us(ts), {VALUE_EXPRESSION} from samples").fetchall()
    return sorted(found)


def test_a_stateless_reader_process_says_up_to_when_it_sees(store, prefix):
    storage = store.storage(prefix).child("samples")
    table = Table(storage, "samples")
    table.commit(Commit(fence=table.claim("A"), sequence=1, add=segment_of(storage, 1, 2)))
    url = f"s3://{BUCKET}/{prefix}"
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": store.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key,
    }  # fmt: skip
    command = [
        sys.executable, "-m", "lineshaft.cli.main", "history", "sealed", "2", "--url", url, "--endpoint", store.endpoint,
        "--home", str(Path(store.keys).parent / "nobody"), "--from", "2020-01-01T00:00:00Z", "--json",
    ]  # fmt: skip
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert [(row["tag"], row["value"]) for row in json.loads(ended.stdout)] == [(2, 2.0)]
    assert "as of 20" in ended.stderr
    history = open_table(url, endpoint=store.endpoint, credentials=str(store.keys))
    extent = history.extent
    assert (extent.rows, extent.files) == (2, 1)
    table.commit(Commit(fence=moved(table.claim("A"), 1), sequence=2, add=segment_of(storage, 3)))
    assert len(listed(history.raw(None, *ALL))) == 2, "it stays at its version"
    assert history.refresh().rows == 3
    assert history.extent.committed_us > extent.committed_us
    with pytest.raises(LineshaftError) as missing:
        open_table(f"s3://{BUCKET}/nothing", endpoint=store.endpoint, credentials=str(store.keys))
    assert missing.value.code == "history.table_missing"


# -- outages ----------------------------------------------------------------------------------------------------------


async def test_a_store_that_is_killed_in_mid_commit_loses_nothing(life, store):
    """The writer keeps its rows; the stream would keep them too. One kill here, many in the soak."""
    await _through_kills(life, store, seed=1, kills=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8))
async def test_a_store_that_is_killed_again_and_again_loses_nothing(life, store, seed):
    await _through_kills(life, store, seed=seed, kills=3)


async def _through_kills(life: Life, store: ObjectStore, *, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    lane = LaneMessages("press")
    writer = await life.writer()
    expected = []
    for number in range(kills):
        for part in range(4):
            rows = series(1, *(chance.random() for _ in range(20)), start=100 * number + 20 * part)
            expected += [(*row, 0) for row in rows]
            await writer.take(lane.next(rows))
            if part < 2:
                await writer.seal()
        sealing = asyncio.create_task(writer.seal())
        await asyncio.sleep(chance.random() * 0.05)  # anywhere in the commit
        store.kill()
        with contextlib.suppress(LineshaftError):
            await sealing
        if not sealing.exception():
            await writer.take(lane.next(series(1, 0.5, start=100 * number + 90)))
            expected.append((*series(1, 0.5, start=100 * number + 90)[0], 0))
        with pytest.raises(Unavailable) as refused:
            await writer.seal()
        assert refused.value.code == "history.store_unreachable"
        assert "Nothing is lost" in refused.value.hint
        assert writer.hot.rows
        with pytest.raises(Unavailable) as unread:
            read_segment(life.storage.child("samples"), "writer-0-any.parquet")
        assert unread.value.code == "history.store_unreachable"
        await asyncio.to_thread(store.start)
        await writer.seal()
        assert not writer.hot.rows
        assert table_rows(life.storage) == expected
