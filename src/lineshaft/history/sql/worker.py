"""The process that runs one statement: `python -m lineshaft.history.sql.worker`, question on standard input.

Before it looks at the statement it gives up what it does not need: it can open no file and no socket, start no process,
and gets only so much memory and processor time. Everything it will import or open is there before that.
"""

import contextlib
import ctypes
import io
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from lineshaft.core import memory
from lineshaft.core.errors import LineshaftError
from lineshaft.history.sql import faults
from lineshaft.history.sql.frames import (
    DATA,
    END,
    ERROR,
    LENGTH,
    MAXIMUM_FRAME,
    NEEDS,
    READY,
    Fault,
    Limits,
    Question,
    TagRow,
)
from lineshaft.history.sql.frames import frame as framed
from lineshaft.history.sql.statement import views_named

_HELD_BACK_BYTES = 4 * 2**20
"""An answer up to this size is complete before its first byte leaves, so that what fails in it fails cleanly."""
_BATCH_ROWS = 8192
_SLACK_BYTES = 192 * 2**20
"""Address space beside the database's own memory: rows on their way in, the answer on its way out."""
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 1, 38, 4
_SIGKILL = 9
_SETTINGS = (
    "set enable_external_access = false", "set python_enable_replacements = false",
    "set autoinstall_known_extensions = false", "set autoload_known_extensions = false",
    "set allow_community_extensions = false", "set TimeZone = 'UTC'", "set max_expression_depth = 250",
    "set disabled_filesystems = 'LocalFileSystem'",
)  # fmt: skip
_SAMPLES = """create table samples (tag {tag}, ts timestamptz, arrival timestamptz, value double, "integer" bigint,
    text varchar, "boolean" boolean, quality uinteger, good boolean)"""
_INSERT = """insert into samples select tag, ts, arrival, coalesce(v, vi::double), vi, vs, vb, q, q < 1073741824
    from incoming"""
_HOURS = """create table hours (tag {tag}, ts timestamptz, count bigint, good bigint, uncertain bigint, bad bigint,
    sum double, min double, max double, first double, first_ts timestamptz, last double, last_ts timestamptz)"""
"""Hours that the history has rolled up; `rollup_1h` is these and those of the samples at hand, never of one hour both."""
_INSERT_HOURS = """insert into hours select tag, ts, count, good, uncertain, bad, sum, min, max, first, first_ts, last,
    last_ts from incoming"""
_ROLLUP = """create view rollup_1h as
    with numbers as (select *, coalesce(if(isnan(value), null, value), "boolean"::int) as number from samples),
    rolled as (select tag, time_bucket(interval 1 hour, ts) as ts, count(*) as count,
        count(number) filter (good) as good,
        count(*) filter (quality >= 1073741824 and quality < 2147483648) as uncertain,
        count(*) filter (quality >= 2147483648) as bad, coalesce(sum(number) filter (good), 0) as sum,
        min(number) filter (good) as min, max(number) filter (good) as max, arg_min_null(number, ts) as first,
        min(ts) as first_ts, arg_max_null(number, ts) as last, max(ts) as last_ts
    from numbers group by all)
    select tag, ts, count, good, uncertain, bad, sum, min, max, if(good > 0, sum / good, null) as average,
        first, first_ts, last, last_ts from (from rolled union all from hours)"""


def main() -> int:
    """Answer one question."""
    memory.refuse_imports("pandas", "polars")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may fall between the answers
    with answers, contextlib.suppress(BrokenPipeError):
        limits = Limits()
        try:
            question = msgspec.msgpack.decode(_read(sys.stdin.buffer), type=Question)
            limits = question.limits
            _rehearse(question)
            with _database(limits) as database:
                _shut_in(limits)
                for kind, data in _answer(database, question, sys.stdin.buffer):
                    answers.write(framed(kind + data))
                    answers.flush()
        except LineshaftError as error:
            answers.write(framed(ERROR + _fault(error)))
        except MemoryError:
            answers.write(framed(ERROR + _fault(faults.too_large(limits))))
    return 0


def _rehearse(question: Question) -> None:
    """Answer another question of the same form: whatever is imported or opened on the way is there afterwards."""
    import pyarrow as pa

    from lineshaft.history.answers import encode_rows
    from lineshaft.history.schema import ROWS

    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    row = [
        pa.array([value]).cast(field.type)
        for value, field in zip((1, 0, 0, 0.5, None, None, None, 0), ROWS, strict=True)
    ]
    source = io.BytesIO(framed(encode_rows(pa.RecordBatch.from_arrays(row, schema=ROWS))) + framed(b""))
    sql = "select *, [ts], {'a': tag}, 1.5::decimal, sum(quality) over (), date '2026-01-01' from samples"
    tags = [TagRow(1, "", "", "", "", "", "", "")]
    with _database(question.limits) as database:
        kinds = [kind for kind, _ in _answer(database, msgspec.structs.replace(question, sql=sql, tags=tags), source)]
    assert kinds[-1] == END


def _shut_in(limits: Limits) -> None:
    """Give up files, sockets, processes, and memory and time beyond the limits; nothing brings them back."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0)
    seconds = int(limits.seconds) + 1
    bounds = {
        resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_NPROC: 0, resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: _address_space() + limits.memory_bytes + _SLACK_BYTES, resource.RLIMIT_NOFILE: 0,
    }  # fmt: skip
    for what, bound in bounds.items():
        resource.setrlimit(what, (bound, bound))


def _address_space() -> int:
    """Bytes of address space in use, most of it only reserved by the libraries."""
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()


def _database(limits: Limits) -> Any:
    """An empty database in memory that can reach nothing else."""
    import duckdb

    config: dict[str, Any] = {
        "threads": "1",
        "memory_limit": f"{limits.memory_bytes // 2**20}MiB",
        "temp_directory": "",
    }
    database = duckdb.connect(":memory:", config=config)
    for setting in _SETTINGS:
        database.execute(setting)
    database.execute("select json_serialize_sql('select 1')").fetchone()
    return database


def _answer(database: Any, question: Question, source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    import duckdb
    import pyarrow as pa

    try:
        views = _views(database, question.sql)
        yield NEEDS, msgspec.msgpack.encode(sorted(views))
        _fill(database, question, source)
        database.execute("set lock_configuration = true")
        yield from _result(database, question)
    except (duckdb.OutOfMemoryException, pa.ArrowMemoryError) as error:
        raise faults.too_large(question.limits) from error
    except duckdb.PermissionException as error:
        raise faults.refused("something outside the views") from error
    except duckdb.Error as error:
        raise _of_database(error, question.limits) from error
    except pa.ArrowException as error:
        raise faults.invalid(f"{question.format} cannot hold its result: {error}") from error


def _of_database(error: Exception, limits: Limits) -> LineshaftError:
    text = str(error)
    if "Out of Memory" in text or "bad_alloc" in text or "failed to allocate" in text.lower():
        return faults.too_large(limits)
    if "configuration has been locked" in text or "disabled by configuration" in text:
        return faults.refused("a change of the database's settings")
    return faults.invalid(text)


def _views(database: Any, sql: str) -> set[str]:
    (tree,) = database.execute("select json_serialize_sql(?)", [sql]).fetchone()
    try:
        return views_named(msgspec.json.decode(tree))
    except (msgspec.DecodeError, RecursionError) as error:
        raise faults.invalid("it is too deeply nested") from error


def _fill(database: Any, question: Question, source: BinaryIO) -> None:
    """Make the views from the frames that come, up to the empty one."""
    import numpy as np
    import pyarrow as pa

    tags = sorted(question.tags, key=lambda tag: tag.number)
    paths = sorted({tag.path for tag in tags})
    database.execute(f"create type tag_path as enum ({', '.join(map(_quoted, paths))})")
    database.execute(_SAMPLES.format(tag="tag_path"))
    database.execute(_HOURS.format(tag="tag_path"))
    database.execute(_ROLLUP)
    columns = ("tag", "handle", "unit", "description", "kind", "device", "project")
    listed = [
        pa.array([row[place] for row in map(msgspec.structs.astuple, tags)], pa.string()) for place in range(1, 8)
    ]
    database.register("incoming", pa.table(listed, names=columns))
    database.execute("create table tags as select * replace (tag::tag_path as tag) from incoming order by tag")
    database.unregister("incoming")
    numbers = np.array([tag.number for tag in tags], np.int64)
    names = pa.array([tag.path for tag in tags], pa.string())
    while data := _read(source):
        with pa.ipc.open_stream(data) as stream:
            for batch in stream:
                places = pa.array(np.searchsorted(numbers, batch.column("tag").to_numpy()).astype(np.int32))
                named = pa.DictionaryArray.from_arrays(places, names)
                incoming = pa.table([named, *batch.columns[1:]], names=batch.schema.names)
                database.register("incoming", incoming)
                database.execute(_INSERT_HOURS if "first_ts" in batch.schema.names else _INSERT)
                database.unregister("incoming")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _result(database: Any, question: Question) -> Iterator[tuple[bytes, bytes]]:
    """READY, DATA, END; a small answer is made whole before READY."""
    from lineshaft.history.sql.encode import encoded

    reader = database.execute(question.sql).to_arrow_reader(_BATCH_ROWS)
    held: list[bytes] | None = []
    size = 0
    for piece in encoded(reader, question.format, question.limits.json_rows):
        if held is None:
            yield DATA, piece
            continue
        held.append(piece)
        size += len(piece)
        if size >= _HELD_BACK_BYTES:
            yield READY, b""
            yield from ((DATA, one) for one in held)
            held = None
    if held is not None:
        yield READY, b""
        yield from ((DATA, one) for one in held)
    yield END, b""


def _fault(error: LineshaftError) -> bytes:
    return msgspec.msgpack.encode(
        Fault(code=error.code, message=error.message, hint=error.hint, status=error.status, facts=error.facts)
    )


def _read(source: BinaryIO) -> bytes:
    """One frame; empty at the end of what the parent has to say, or where it is gone."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return b""
    (length,) = LENGTH.unpack(head)
    return source.read(min(length, MAXIMUM_FRAME))


if __name__ == "__main__":
    sys.exit(main())
