"""Canaries: secrets planted in another tenant's and another project's rows, in files, in the environment and in the process.

Whatever a statement tries, none of them comes out, neither in an answer nor in an error.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.access.labels.testing import open_egress
from lineshaft.core import clock
from lineshaft.core.errors import DeadlineExceeded, Forbidden, LineshaftError, NotFound, TooLarge
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.history.answers import encode_rows
from lineshaft.history.model import TagSpec
from lineshaft.history.settings import HistorySettings
from lineshaft.history.sql import SqlQueries, SqlRequest
from lineshaft.history.sql.frames import Limits, Question, TagRow
from lineshaft.history.sql.process import _ENVIRONMENT, SqlProcess
from lineshaft.history.store import Tags
from lineshaft.history.testing import START_US, rows_of
from lineshaft.records.testing import sqlite_database

CANARY = "canary-7f3a91"
PLANT = "a/b/c/d/e/plant"
IDENTITY = Identity(format=1, tenant="main", site="box", prefix="99.1", created="2026-01-01T00:00:00Z")
ANN = Principal(
    id="99.1/person.1", name="ann", kind="person", tenant="main", roles=frozenset({"viewer"}), projects=("main",)
)

FILES = [
    "from read_csv('{0}.csv')", "from read_csv_auto('{0}.csv')", "from sniff_csv('{0}.csv')", "from '{0}.csv'",
    "from read_parquet('{0}.parquet')", "from parquet_scan(['{0}.parquet'])", "from parquet_metadata('{0}.parquet')",
    "from parquet_kv_metadata('{0}.parquet')", "from '{0}.parquet'", "from read_json('{0}.json')",
    "from read_json_auto('{0}.json')", "from read_ndjson_objects('{0}.json')", "from '{0}.json'",
    "from read_text('{0}.csv')", "from read_blob('{0}.csv')", "from read_duckdb('{0}.db')", "from glob('{1}/*')",
    "attach '{0}.db' as secret", "attach '{0}.db' as secret (read_only)", "copy samples to '{1}/out.csv'",
    "copy samples from '{0}.csv'", "copy (select 1) to '{1}/out.parquet' (format parquet)",
    "export database '{1}/out'", "import database '{1}'", "install httpfs", "install '{0}.db'", "load '{0}.db'",
    "load httpfs", "force install json from '{1}'", "create secret (type s3, key_id 'x', secret 'y')",
    "from which_secret('s3://x', 's3')", "from 's3://bucket/x.parquet'", "from 'https://127.0.0.1/x.csv'",
    "from read_csv('/proc/self/environ')", "from read_text('/proc/1/environ')", "from read_blob('/dev/stdin')",
    "select * from samples union all select * from read_csv('{0}.csv')", "select (from read_text('{0}.csv'))",
    "create view leak as from read_csv('{0}.csv')", "create macro leak() as table from '{0}.csv'",
    "pivot (from read_csv('{0}.csv')) on secret", "describe '{0}.parquet'", "summarize '{0}.parquet'",
]  # fmt: skip
"""Statements that would show, bring in or write a file."""

PROCESS = [
    "from secret_frame", "select * from secret_list", "select getenv('LINESHAFT_CANARY')",
    "from python_map_function()", "from pandas_scan(1)", "from arrow_scan(1, 2, 3)", "set enable_external_access = true",
    "pragma enable_external_access", "set disabled_filesystems = ''", "reset disabled_filesystems",
    "set python_enable_replacements = true", "set allow_unsigned_extensions = true", "set temp_directory = '{1}'",
    "set secret_directory = '{1}'", "set log_query_path = '{1}/log'", "set profile_output = '{1}/p'",
    "set memory_limit = '64GB'", "set threads = 8", "set lock_configuration = false",
]  # fmt: skip
"""Statements that would show what the process holds, or loosen what it is held to."""

CATALOGUES = [
    "from information_schema.tables", "from information_schema.columns", "from pg_catalog.pg_class", "from sqlite_master",
    "from duckdb_tables()", "from duckdb_views()", "from duckdb_settings()", "from duckdb_secrets()", "from duckdb_logs()",
    "from duckdb_functions()", "from duckdb_temporary_files()", "from duckdb_external_file_cache()", "show all tables",
    "pragma show_tables", "pragma database_list", "from incoming", "from hours", "from temp.samples", "from memory.main.tags",
    "from system.information_schema.tables", "select current_setting('secret_directory')", "from query('from hours')",
    "from query_table(['hours'])", "select pg_get_viewdef(1)", "from json_execute_serialized_sql('x')",
    "create view x as from information_schema.tables", "with recursive x as (from information_schema.tables) from x",
    "select getvariable('secret')", "pragma enable_profiling", "call enable_logging('QueryLog')",
    "select sleep_ms(1)", "select pg_sleep(0.001)", "prepare x as from hours", "execute x", "explain from hours",
]  # fmt: skip
"""Statements over what is not one of the three views; the database would carry some of them out, and show no secret."""

FENCES = """
import json, sys
import duckdb
from lineshaft.core.errors import LineshaftError
from lineshaft.history.sql import worker
from lineshaft.history.sql.frames import Limits, Question, TagRow
from lineshaft.history.sql.statement import views_named
import io, pyarrow as pa
frames, statements = sys.stdin.buffer.read(int(sys.argv[1])), json.loads(sys.stdin.buffer.read())
limits = Limits(memory_bytes=96 * 2**20)
question = Question(sql="", format="json", limits=limits, tags=[TagRow(1, "a/b/P", "", "", "", "", "", "")])
worker._rehearse(question)
secret_frame = pa.table({"secret": [sys.argv[2]]})
secret_list = [sys.argv[2]]
told = []
with worker._database(limits) as reading, worker._database(limits) as database:
    worker._shut_in(limits)
    worker._fill(database, question, io.BytesIO(frames))
    database.execute("set lock_configuration = true")
    for sql in statements:
        try:
            worker._views(reading, sql)
            first = ""
        except LineshaftError as error:
            first = error.code
        try:
            second, said = "answered", repr(database.execute(sql).fetchall())
        except (duckdb.Error, MemoryError) as error:
            second, said = "refused", str(error)
        told.append([sql, first, second, said])
sys.stdout.write(json.dumps(told))
sys.stdout.flush()
"""


@pytest.fixture
def planted(tmp_path):
    """Files that hold the canary; the beginning of their names, and their folder."""
    stem = tmp_path / "secret"
    table = pa.table({"secret": [CANARY]})
    pq.write_table(table.replace_schema_metadata({"secret": CANARY}), f"{stem}.parquet")
    (tmp_path / "secret.csv").write_text(f"secret\n{CANARY}\n")
    (tmp_path / "secret.json").write_text(json.dumps({"secret": CANARY}) + "\n")
    with duckdb.connect(f"{stem}.db") as database:
        database.execute("create table secret as select ? as secret", [CANARY])
    return str(stem), str(tmp_path)


@pytest.mark.timeout(300)
def test_each_fence_alone_lets_no_canary_out(planted):
    """The reading of a statement refuses every one; and the database in its process tells of none that got past it."""
    attempts = [sql.format(*planted) for sql in FILES + PROCESS + CATALOGUES]
    row = encode_rows(rows_of([(1, START_US, 0.5)]))
    frames = b"".join(len(part).to_bytes(4, "little") + part for part in (row, b""))
    told = json.loads(subprocess.run(
        [sys.executable, "-c", FENCES, str(len(frames)), CANARY], input=frames + json.dumps(attempts).encode(),
        capture_output=True, check=True, env={**os.environ, "LINESHAFT_CANARY": CANARY}, timeout=240,
    ).stdout)  # fmt: skip
    before = {path.name for path in Path(planted[1]).iterdir()}
    assert [sql for sql, *_ in told] == attempts
    assert [sql for sql, first, *_ in told if first not in ("history.sql_refused", "history.sql_invalid")] == []
    reaching = {sql.format(*planted) for sql in FILES + PROCESS}
    assert [(sql, said) for sql, _, second, said in told if sql in reaching and second != "refused"] == []
    assert [(sql, said) for sql, _, _, said in told if CANARY in said] == []
    assert before == {"secret.csv", "secret.json", "secret.parquet", "secret.db"}
    assert CANARY not in str(_ENVIRONMENT)
    assert not {name for name in _ENVIRONMENT if name.startswith("LINESHAFT")}


async def test_rows_of_others_are_not_in_the_process_at_all(plants, tmp_path, sqlite_template):
    with sqlite_database(tmp_path, sqlite_template) as database:
        tags = Tags(database, HandleMinter("99.1"))
        specs = [
            TagSpec(path=f"{PLANT}/P"),
            TagSpec(path=f"{PLANT}/N", project="north", kind="text", description=CANARY),
        ]
        await database.write(tags.allocate, "main", specs)
        await database.write(tags.allocate, "other", [TagSpec(path=f"{PLANT}/{CANARY}", kind="text")])
        async with plants() as plant:
            await plant.publish([(1, START_US, 1.5), (2, START_US, CANARY), (3, START_US, CANARY)])
            await plant.taken()
            queries = SqlQueries(plant.reader, tags, open_egress(database, IDENTITY), HistorySettings())
            span = {"from_": clock.rfc3339(START_US - 5), "to": clock.rfc3339(START_US + 5)}
            everything = """select (select list(s::text) from samples s), (select list(t::text) from tags t),
                (select list(r::text) from rollup_1h r), enum_range(null::tag_path)::text"""
            said = b"".join([
                piece async for piece in await queries.answer(ANN, SqlRequest(sql=everything, tags=["*"], **span), "json")
            ])  # fmt: skip
            assert f"{PLANT}/P" in said.decode()
            assert CANARY not in said.decode()
            assert f"{PLANT}/N" not in said.decode()
            for sql, asked, kind in (
                (f"select * from samples where tag = '{PLANT}/{CANARY}'", f"{PLANT}/{CANARY}", NotFound),
                ("select 1", f"{PLANT}/N", NotFound),
                ("from read_csv('/etc/passwd')", f"{PLANT}/P", Forbidden),
            ):
                with pytest.raises(kind) as caught:
                    await queries.answer(ANN, SqlRequest(sql=sql, tags=[asked], **span), "json")
                assert caught.value.message
                assert caught.value.hint


async def answered(process):
    """The answer of a process that gets no rows."""
    async with process:
        await process.ask()
        await process.send(b"")
        await process.ready()
        return b"".join([piece async for piece in process.pieces()])


@pytest.mark.parametrize(
    ("sql", "kind", "code", "limits"),
    [
        ("with recursive x(n) as (select 1 union all select n + 1 from x) select max(n) from x",
         (DeadlineExceeded, TooLarge), ("history.sql_too_long", "history.sql_too_large"), {"seconds": 1.5}),
        ("select repeat('x', 4000000000)", (LineshaftError,), ("history.sql_too_large", "history.sql_invalid"), {}),
    ],
)  # fmt: skip
async def test_what_never_ends_or_grows_for_ever_is_ended_with_a_clear_message(sql, kind, code, limits):
    tags = [TagRow(1, "a/b/P", "", "", "", "", "", "")]
    process = SqlProcess(Question(sql=sql, format="json", limits=Limits(**limits), tags=tags))
    with pytest.raises(kind) as caught:
        await answered(process)
    assert caught.value.code in code
    assert caught.value.hint
    assert any(str(number) in caught.value.message for number in (1.5, 512)) or caught.value.code.endswith("invalid")
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
