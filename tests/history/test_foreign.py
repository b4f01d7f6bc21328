"""Other engines read the table as it lies on the disk and see the same rows, by the documented expression."""

import asyncio
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder
from typer.testing import CliRunner

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.history import credentials
from lineshaft.history.cli import app
from lineshaft.history.direct.history import open_table
from lineshaft.history.schema import VALUE_EXPRESSION
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import START_US, LaneMessages, listed

SECOND = 1_000_000
Row = tuple[int, int, Any, Any, Any, int]
"""tag, µs, the number's bits, text, boolean, quality"""

_KINDS: dict[int, Callable[[random.Random], Any]] = {
    1: lambda chance: round(chance.gauss(60, 3), 2),
    2: lambda chance: chance.randrange(65536) * 100 / 65535,
    3: lambda chance: chance.random(),
    4: lambda chance: chance.randrange(-(2**53), 2**53),
    5: lambda chance: float(chance.choice([20, 25, 30])),
    6: lambda chance: chance.choice(["open", "shut", "开"]),
    7: lambda chance: chance.random() < 0.5,
    8: lambda chance: chance.choice([-0.0, 5e-324, 1.7976931348623157e308, float(2**53), 0.1 + 0.2]),
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """A folder with some sealed segments, and the rows that are in it."""
    from lineshaft.history.committer import Committer
    from lineshaft.history.storage import LocalFolder
    from lineshaft.history.writer import Writer

    folder = tmp_path_factory.mktemp("foreign") / "history"
    chance, lane, expected = random.Random(5), LaneMessages("press"), []

    async def write() -> None:
        storage = LocalFolder(folder)
        writer = Writer(HistorySettings(), storage, Committer(storage), _refuse)
        await writer.open("TELEMETRY", "2026-01-01T00:00:00.000000001Z")
        for part in range(3):
            times = [START_US + part * 600 * SECOND + n * SECOND + 7 for n in range(300)]
            rows = [
                (tag, time, make(chance), chance.choice([0, 0, 0, 0x40000000, 0x80000000]))
                for time in times
                for tag, make in _KINDS.items()
            ]
            await writer.take(lane.next(rows))
            await writer.seal()
            expected.extend(_row(*row) for row in rows)
        await writer.close()

    async def _refuse(message: Any, reason: str) -> None:
        raise AssertionError(reason)

    asyncio.run(write())
    return folder, sorted(expected, key=lambda row: row[:2])


def _row(tag: int, time: int, value: Any, quality: int) -> Row:
    number = float(value) if type(value) in (int, float) else None
    text, truth = (value if type(value) is kind else None for kind in (str, bool))
    return tag, time, _bits(number), text, truth, quality


def _bits(number: float | None) -> bytes | None:
    return None if number is None or math.isnan(number) else struct.pack("<d", number)


def _exact(rows: list[tuple]) -> list[Row]:
    found = [(tag, time, _bits(number), text, truth, quality) for tag, time, number, text, truth, quality in rows]
    return sorted(found, key=lambda row: row[:2])


def test_polars_reads_it_through_the_log_alone(history):
    folder, expected = history
    number = pl.coalesce(pl.col("v"), pl.col("vi") * pl.col("mul") / pl.col("div"))
    frame = pl.scan_delta(str(folder / "samples")).select(
        "tag", pl.col("ts").dt.timestamp("us"), number.alias("number"), "vs", "vb", "q"
    )
    assert _exact(frame.collect().rows()) == expected
    times = pl.col("ts") == START_US + 600 * SECOND + 7
    one = pl.scan_delta(str(folder / "samples")).with_columns(pl.col("ts").dt.timestamp("us")).filter(times).collect()
    assert one.height == len(_KINDS), "its own pruning by our statistics keeps the row"


def test_duckdb_reads_the_files_that_the_log_names(history):
    folder, expected = history
    paths = [str(folder / "samples" / path) for path in _paths(folder)]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select tag, epoch_us(ts), {VALUE_EXPRESSION}, vs, vb, q from read_parquet(?)", [paths]
        ).fetchall()
    assert _exact(rows) == expected


def test_the_printed_view_for_polars_reads_it_where_the_settings_say(history, tmp_path):
    folder, expected = history
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.settings_file.write_text(f'[history]\nurl = "{folder}"\n')
    printed = CliRunner().invoke(app, ["views", "polars", "--home", str(home.path)])
    assert printed.exit_code == 0, printed.output
    names: dict[str, Any] = {}
    exec(printed.output, names)
    frame = names["samples"]().collect()
    rows = frame.select("tag", pl.col("ts").dt.timestamp("us"), "value", "text", "boolean", "quality").rows()
    assert _exact(rows) == expected


@pytest.mark.parametrize("engine", ["duckdb", "polars", "spark"])
def test_a_printed_view_of_an_object_store_names_it_and_no_key(tmp_path, engine):
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.settings_file.write_text(
        '[history]\nurl = "s3://plant/history"\nendpoint = "https://store.example:9000"\nregion = "eu-central-1"\n'
    )
    credentials.keep(home, credentials.Credentials(access_key="AKEY", secret_key="ASECRET"))
    printed = CliRunner().invoke(app, ["views", engine, "--home", str(home.path)])
    assert printed.exit_code == 0, printed.output
    address = {"duckdb": "delta_scan('s3://plant/history/samples')", "polars": '"s3://plant/history"',
               "spark": 'load("s3a://plant/history/samples")'}[engine]  # fmt: skip
    assert address in printed.output
    assert "store.example:9000" in printed.output
    assert "eu-central-1" in printed.output
    assert "AKEY" not in printed.output
    assert "ASECRET" not in printed.output
    assert not re.search(r"\{(history|store|arguments|options)\}", printed.output)
    if engine != "duckdb":
        compile(printed.output, engine, "exec")


def test_datafusion_reads_it_through_the_log(history):
    folder, expected = history
    query = QueryBuilder().register("samples", DeltaTable(folder / "samples"))
    answer = query.execute(f"select tag, ts, {VALUE_EXPRESSION} as number, vs, vb, q from samples")
    table = pa.table(answer.read_all())
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    assert _exact([(tag, clock.to_us(ts), *rest) for tag, ts, *rest in rows]) == expected


def test_our_own_reader_without_a_writer_reads_it(history):
    folder, expected = history
    reader = open_table(folder.as_uri())
    rows = [_row(*row) for row in listed(reader.raw(None, -(2**62), 2**62))]
    assert sorted(rows, key=lambda row: row[:2]) == expected
    assert (reader.extent.rows, reader.extent.oldest_us) == (len(expected), START_US)
    assert len(listed(reader.raw([1, 3], START_US, START_US + 10 * SECOND))) == 20


def test_a_home_that_names_its_table_by_a_file_address_is_found(tmp_path):
    place = HistorySettings(url=(tmp_path / "else where").as_uri()).storage(Home(tmp_path))
    assert place.folder == tmp_path / "else where"
    with pytest.raises(InvalidInput):
        HistorySettings(url="ftp://host/x").storage(Home(tmp_path))


def test_the_command_reads_it_with_no_service_running(history, tmp_path, monkeypatch):
    folder, expected = history
    monkeypatch.setenv("LINESHAFT_LANGUAGE", "en")
    asked = ["sealed", "--home", str(tmp_path), "--url", str(folder), "--from", "2025-01-01T00:00:00Z"]
    held = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert held["rows"] == len(expected)
    rows = json.loads(CliRunner().invoke(app, [*asked, "4", "--json", "--limit", "3"]).stdout)
    assert [row["tag"] for row in rows] == [4, 4, 4]
    lines = CliRunner().invoke(app, [*asked, "4", "--format", "ndjson"]).stdout.splitlines()
    assert len([line for line in lines if line.startswith("{")]) == 900
    stream = CliRunner().invoke(app, [*asked, "4", "--format", "arrow"]).stdout_bytes
    assert pa.ipc.open_stream(stream).read_all().num_rows == 900


def test_the_command_keeps_keys_where_only_their_owner_reads_them(tmp_path, monkeypatch):
    monkeypatch.setenv("LINESHAFT_LANGUAGE", "en")
    home = Home(tmp_path / "home")
    kept = CliRunner().invoke(app, ["credentials", "--home", str(home.path)], input="access\nvery secret\n")
    assert kept.exit_code == 0
    assert "very secret" not in kept.output
    assert credentials.credentials_file(home).stat().st_mode & 0o777 == 0o600
    assert credentials.load(str(credentials.credentials_file(home))).secret_key == "very secret"
    assert isinstance(
        CliRunner().invoke(app, ["credentials", "--home", str(home.path)], input="a\n\n").exception, InvalidInput
    )
    assert "Forgotten" in CliRunner().invoke(app, ["credentials", "--forget", "--home", str(home.path)]).output


_SPARK = """
import json, sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
         .config("spark.sql.session.timeZone", "UTC").config("spark.driver.bindAddress", "127.0.0.1")
         .config("spark.driver.host", "127.0.0.1").getOrCreate())
spark.read.parquet(*json.load(sys.stdin)).createOrReplaceTempView("samples")
for vectorised in ("true", "false"):
    spark.conf.set("spark.sql.parquet.enableVectorizedReader", vectorised)
    rows = spark.sql("select tag, unix_micros(ts), " + sys.argv[1] + ", vs, vb, q from samples").collect()
    print(json.dumps([[row[0], row[1], None if row[2] is None else row[2].hex(), row[3], row[4], row[5]] for row in rows]))
spark.stop()
"""
_SPARK_VERSION = "4.0.1"


@pytest.mark.soak
@pytest.mark.peer("java")
@pytest.mark.timeout(900)
def test_spark_reads_the_files_that_the_log_names(history):
    folder, expected = history
    python = _spark()
    paths = [str(folder / "samples" / path) for path in _paths(folder)]
    environment = {**os.environ, "PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1"}
    ended = subprocess.run(
        [str(python), "-c", _SPARK, VALUE_EXPRESSION], input=json.dumps(paths), env=environment, text=True,
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    answers = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("[")]
    assert len(answers) == 2
    for rows in answers:
        numbers = [(*row[:2], None if row[2] is None else float.fromhex(row[2]), *row[3:]) for row in rows]
        assert _exact(numbers) == expected


def _spark() -> Path:
    """The interpreter of an environment of its own that has Spark; made once."""
    folder = Path.home() / ".cache" / "lineshaft" / f"pyspark-{_SPARK_VERSION}"
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", f"pyspark=={_SPARK_VERSION}"], check=True)
        (folder / "whole").touch()
    return python


def _paths(folder: Path) -> list[str]:
    return [
        str(path) for path in DeltaTable(folder / "samples").get_add_actions(flatten=True).column("path").to_pylist()
    ]
