"""SQL: one statement over the caller's rows, in a process that can reach nothing else."""

import asyncio
import json
import os
import subprocess
import sys

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.core.errors import DeadlineExceeded, Forbidden, InvalidInput, LineshaftError, TooLarge
from lineshaft.history.answers import encode_rows
from lineshaft.history.sql.frames import Limits, Question, TagRow
from lineshaft.history.sql.process import SqlProcess
from lineshaft.history.sql.statement import views_named
from lineshaft.history.testing import BAD, START_US, rows_of

TAGS = [
    TagRow(1, "a/b/P", "99.1/p", "kPa", "", "number", "press", "main"),
    TagRow(7, "a/b/V", "99.1/v", "", "it's open", "text", "press", "main"),
]
ROWS = [
    *((1, START_US + n * 1_000_000, n + 0.5) for n in range(5)), (7, START_US, "open"),
    (1, START_US + 5_000_000, float("nan"), BAD), (1, START_US + 6_000_000, 2**60 + 1),
]  # fmt: skip
ESCAPES = [
    "select * from read_parquet('/etc/passwd')", "select * from '/etc/passwd'", "select * from read_csv('/etc/passwd')",
    "select * from read_text('/proc/self/environ')", "select * from glob('/*')", "copy samples to '/tmp/lineshaft-escape'",
    "copy (select 1) to '/dev/stdout'", "attach '/tmp/lineshaft-escape.db'", "install httpfs", "load httpfs",
    "pragma database_list", "select getenv('HOME')", "select * from query('select 1')", "select * from query_table('samples')",
    "select * from 'https://127.0.0.1/x.parquet'", "set enable_external_access = true", "reset lock_configuration",
    "select 1; select 2", "create table t as select 1", "create macro f() as 1", "drop table samples",
    "delete from samples", "call pragma_version()", "explain analyze select 1", "select * from duckdb_settings()",
    "select * from information_schema.tables", "select * from pg_catalog.pg_class", "show tables", "show all tables",
    "select current_setting('threads')", "select * from arrow_scan(1, 2, 3)", "export database '/tmp/lineshaft-escape'",
    "select (select content from read_blob('/etc/passwd'))", "with x as (from sniff_csv('/etc/passwd')) from x",
    "select * from memory.main.samples", "prepare x as select 1", "checkpoint", "use memory", "select * from incoming",
    "select * from samples, lateral (select * from read_json('/etc/passwd'))", "",
]  # fmt: skip


async def ask(sql, kind="json", **limits):
    """The whole answer to a statement over ROWS."""
    return await everything(SqlProcess(Question(sql=sql, format=kind, limits=Limits(**limits), tags=TAGS)))


def tree_of(sql):
    (text,) = duckdb.connect(":memory:").execute("select json_serialize_sql(?)", [sql]).fetchone()
    return json.loads(text)


async def test_samples_tags_and_hours_are_there_in_every_format():
    sql = """select t.unit, s.ts, s.value, s.integer, s.text, s.good, r.count, r.good as good_rows, r.max
             from samples s join tags t using (tag) join rollup_1h r on r.tag = s.tag
             where s.tag like 'a/%' order by s.tag, s.ts"""
    as_json, arrow, parquet = await asyncio.gather(ask(sql), ask(sql, "arrow"), ask(sql, "parquet"))
    answer = msgspec.json.decode(as_json)
    assert [column["name"] for column in answer["columns"]][:3] == ["unit", "ts", "value"]
    first, *_, bad, whole, text = answer["rows"]
    assert first == ["kPa", "2025-10-09T08:53:20.000000Z", 0.5, None, None, True, 7, 6, float(2**60)]
    assert (bad[2], bad[5]) == (None, False)
    assert (whole[2], whole[3]) == (float(2**60), 2**60 + 1)
    assert (text[0], text[4], text[7]) == ("", "open", 0)
    table = pa.ipc.open_stream(arrow).read_all()
    assert str(table.to_pylist()) == str(pq.read_table(pa.BufferReader(parquet)).to_pylist())
    assert table.column("integer").to_pylist()[6] == 2**60 + 1


async def test_lines_are_the_same_rows():
    sql = "select tag, sum(quality) as q, count(*) as n, [max(ts)] as last from samples group by tag order by tag"
    lines, text = await asyncio.gather(ask(sql, "ndjson"), ask(sql, "csv"))
    assert json.loads(lines.splitlines()[0]) == {
        "tag": "a/b/P", "q": BAD, "n": 7, "last": ["2025-10-09T08:53:26Z"],
    }  # fmt: skip
    assert text.splitlines()[0] == b"tag,q,n,last"
    assert text.splitlines()[2].startswith(b"a/b/V,0,1,")


async def test_json_stops_at_its_limit_and_says_so():
    answer = msgspec.json.decode(await ask("select * from range(3000)", json_rows=2500))
    assert (len(answer["rows"]), answer["truncated"]) == (2500, True)


@pytest.mark.parametrize("sql", ESCAPES)
def test_what_reaches_beyond_the_views_is_refused_before_it_runs(sql):
    with pytest.raises((Forbidden, InvalidInput)):
        views_named(tree_of(sql))


def test_a_name_of_ones_own_that_hides_a_view_does_not_hide_that_it_is_read():
    assert views_named(tree_of("with samples as (from samples where good) from samples")) == {"samples"}
    assert views_named(tree_of("with x as (from tags) select * from x, range(3)")) == {"tags"}
    assert views_named(tree_of("summarize samples")) == {"samples"}
    with pytest.raises(Forbidden, match="'x'"):
        views_named(tree_of("select * from x"))


BREAKOUT = """
import socket, sys
from pathlib import Path
import duckdb
from lineshaft.history.sql import worker
from lineshaft.history.sql.frames import Limits, Question
limits = Limits(memory_bytes=64 * 2**20)
worker._rehearse(Question(sql="", format="json", limits=limits, tags=[]))
kept = []
with worker._database(limits) as database:
    worker._shut_in(limits)
    database.execute("create table samples as select 1 as value")
    database.execute("set lock_configuration = true")
    for sql in sys.argv[1:]:
        try:
            database.execute(sql).fetchall()
        except duckdb.Error:
            continue
        kept.append(sql)
    for way in (lambda: Path("/etc/passwd").read_bytes(), lambda: socket.socket(), lambda: bytearray(1 << 30)):
        try:
            way()
        except (OSError, MemoryError):
            continue
        kept.append("python")
sys.stdout.write(repr(kept))
sys.stdout.flush()
"""


def test_what_the_reading_of_a_statement_might_miss_the_process_cannot_do_either():
    beyond = [sql for sql in ESCAPES if any(word in sql for word in ("/", "install", "load ", "set ", "getenv"))]
    done = subprocess.run([sys.executable, "-c", BREAKOUT, *beyond], capture_output=True, text=True, check=True)
    assert done.stdout == "[]", done.stdout
    assert len(beyond) > 15


@pytest.mark.parametrize(
    ("sql", "error", "code", "limits"),
    [
        ("select count(*) from range(1000000000000)", DeadlineExceeded, "history.sql_too_long", {"seconds": 2.5}),
        ("select list(i) from range(1000000000) t(i)", TooLarge, "history.sql_too_large", {"memory_bytes": 64 << 20}),
        ("select " + "(" * 40_000 + "1" + ")" * 40_000, InvalidInput, "history.sql_invalid", {}),
        ("select * from read_parquet('/etc/passwd')", Forbidden, "history.sql_refused", {}),
    ],
)
async def test_what_goes_too_far_gets_a_clear_answer_and_the_process_ends(sql, error, code, limits):
    process = SqlProcess(Question(sql=sql, format="json", limits=Limits(**limits), tags=TAGS))
    with pytest.raises(error) as caught:
        await everything(process)
    assert caught.value.code == code
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def everything(process):
    """The whole answer of a process."""
    async with process:
        if await process.ask():
            await process.send(encode_rows(rows_of(ROWS)))
        await process.send(b"")
        await process.ready()
        return b"".join([piece async for piece in process.pieces()])


async def test_a_process_that_dies_is_an_error_and_not_silence():
    async with SqlProcess(Question(sql="from samples", format="json", limits=Limits(), tags=TAGS)) as process:
        await process.ask()
        os.kill(process.pid, 11)
        with pytest.raises(LineshaftError) as caught:
            await process.ready()
    assert caught.value.code == "history.sql_ended"
    assert "signal 11" in str(caught.value)
