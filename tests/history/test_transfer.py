"""Files in: rows become samples of tags, what is wrong is named by line, and a file sent twice is stored once."""

import math

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.access.labels.testing import open_egress
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.history.model import TagSpec
from lineshaft.history.store import Tags
from lineshaft.history.testing import START_US
from lineshaft.history.transfer.files import digest, format_of, rows
from lineshaft.history.transfer.importing import Summary, encoded, plan
from lineshaft.history.transfer.lane import Imports
from lineshaft.history.transfer.mapping import RowFault, Sample
from lineshaft.records.testing import sqlite_database

TAGS = [
    {"path": "a/P", "number": 1, "kind": "number"}, {"path": "a/V", "number": 2, "kind": "text"},
    {"path": "a/B", "number": 3, "kind": "boolean"}, {"path": "a/N", "number": 4, "kind": "integer"},
]  # fmt: skip
TIME = "2025-10-09T08:53:20Z"
ANN = Principal(id="99.1/person.1", name="ann", kind="person", tenant="main", roles=frozenset({"engineer"}))
BEA = Principal(
    id="99.1/person.2",
    name="bea",
    kind="person",
    tenant="main",
    roles=frozenset({"engineer"}),
    projects=frozenset({"x"}),
)
FILE = "0123456789abcdef" * 2
IDENTITY = Identity(format=1, tenant="main", site="box", prefix="99.1", created="2026-01-01T00:00:00Z")


def read(tmp_path, text, given=None, time="", name="file.csv"):
    file = tmp_path / name
    file.write_text(text, "utf-8")
    return [*plan(file, format_of(file, None), TAGS, given or {}, time)()]


def test_long_rows_go_to_the_tags_they_name(tmp_path):
    text = f"path,time,value,quality\na/P,{TIME},1.5,0\nx,{TIME},open,0\na/B,{TIME},true,\na/N,{TIME},7,1073741824\na/P,{TIME},,2147483648\n"
    found = read(tmp_path, text, {"x": "a/V"})
    assert found[:4] == [
        Sample(1, START_US, 1.5, 0), Sample(2, START_US, "open", 0), Sample(3, START_US, True, 0),
        Sample(4, START_US, 7, 1 << 30),
    ]  # fmt: skip
    assert math.isnan(found[4].value)


def test_wide_rows_give_each_column_to_its_tag(tmp_path):
    found = read(tmp_path, f"when,Pressure,a/N,other\n{TIME},2.5,3,9\n{TIME},,4,9\n", {"Pressure": "a/P"}, "when")
    assert [(one.tag, one.value) for one in found] == [(4, 3), (1, 2.5), (4, 4)] or [
        (one.tag, one.value) for one in found
    ] == [(1, 2.5), (4, 3), (4, 4)]


def test_what_is_wrong_is_named_by_line_and_column(tmp_path):
    text = (
        f"path,time,value,quality\na/P,yesterday,1,0\na/P,{TIME},high,0\na/Z,{TIME},1,0\na/B,{TIME},maybe,0\n"
        f"a/N,{TIME},9223372036854775808,0\na/P,{TIME},nan,0\na/P,{TIME},,0\na/P,{TIME},1,-1\na/P,{TIME}\n"
    )
    found = read(tmp_path, text)
    assert [(one.line, one.column) for one in found] == [
        (2, "time"), (3, "value"), (4, "path"), (5, "value"), (6, "value"), (7, "value"), (8, "value"), (9, "quality"),
        (10, ""),
    ]  # fmt: skip
    assert all(isinstance(one, RowFault) for one in found)
    assert found[1].value == "high"
    summary = Summary()
    for one in found:
        summary.add(one)
    assert (summary.samples, summary.faults, summary.shown[0]["line"]) == (0, 9, 2)


def test_ndjson_parquet_and_arrow_say_the_same(tmp_path):
    lines = read(tmp_path, f'{{"path":"a/N","ts":"{TIME}","value":9007199254740993}}\nnot json\n', name="f.ndjson")
    assert lines[0] == Sample(4, START_US, 2**53 + 1, 0)
    assert (lines[1].line, lines[1].column) == (2, "")
    table = pa.table({
        "path": ["a/N", "a/V"], "time": pa.array([START_US, START_US + 1], pa.timestamp("us", tz="UTC")),
        "value": [None, None], "integer": pa.array([2**53 + 1, None], pa.int64()), "text": [None, "x"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "f.parquet")
    with pa.OSFile(str(tmp_path / "f.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    for name in ("f.parquet", "f.arrow"):
        file = tmp_path / name
        found = [*plan(file, format_of(file, None), TAGS, {}, "")()]
        assert found == [Sample(4, START_US, 2**53 + 1, 0), Sample(2, START_US + 1, "x", 0)], name


@pytest.mark.parametrize(
    ("text", "given", "time", "code"),
    [
        ("path,value\na/P,1\n", {}, "", "history.import_time_missing"),
        (f"time,x\n{TIME},1\n", {}, "", "history.import_tags_missing"),
        (f"time,x\n{TIME},1\n", {"x": "a/Q"}, "", "history.import_tag_unknown"),
        ("path,time,value\n", {}, "", "history.import_empty"),
    ],
)
def test_a_file_that_does_not_say_what_it_is_is_refused(tmp_path, text, given, time, code):
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, text, given, time)
    assert caught.value.code == code


def test_a_file_of_another_format_is_refused(tmp_path):
    file = tmp_path / "f.parquet"
    file.write_text("path,time,value\n")
    with pytest.raises(InvalidInput, match="cannot be read as parquet"):
        next(rows(file, "parquet"))
    with pytest.raises(InvalidInput):
        format_of(tmp_path / "file.xlsx", None)
    assert digest(file, "csv") != digest(file, "csv", "x")


async def test_batches_are_stored_once_late_rows_find_their_place_and_tags_are_the_callers(
    plants, tmp_path, sqlite_template
):
    with sqlite_database(tmp_path, sqlite_template) as database:
        tags = Tags(database, HandleMinter("99.1"))
        specs = [TagSpec(path="a/b/c/d/e/f/P"), TagSpec(path="a/b/c/d/e/f/V", kind="text")]
        await database.write(tags.allocate, "main", specs)
        await database.write(tags.allocate, "other", [TagSpec(path="a/b/c/d/e/f/S")])
        async with plants() as plant:
            await plant.publish([(1, START_US + n, n + 0.5) for n in (0, 5, 9)])
            await plant.taken()
            await plant.reader.seal()
            imports = Imports(tags, plant.asker, open_egress(database, IDENTITY))
            first = encoded([Sample(1, START_US + 3, 3.25, 0), Sample(1, START_US + 5, 55.0, 0)])
            second = encoded([Sample(2, START_US + 4, "open", 0)])
            for _ in range(2):
                assert await imports.take(ANN, FILE, 1, first, last=False) == 2
                assert await imports.take(ANN, FILE, 2, second, last=False) == 1
                assert await imports.take(ANN, FILE, 3, b"", last=True) == 0
            state = await plant.asker.stream_info("TELEMETRY")
            await plant.taken(state.last)
            await plant.reader.seal()
            assert [(row[0], row[1] - START_US, row[2]) for row in await plant.raw()] == [
                (1, 0, 0.5), (1, 3, 3.25), (2, 4, "open"), (1, 5, 55.0), (1, 9, 9.5),
            ]  # fmt: skip
            status = await plant.reader.status()
            assert (status.gaps, status.undecodable_batches) == (0, 0)
            with pytest.raises(NotFound):
                await imports.take(ANN, FILE, 4, encoded([Sample(3, START_US, 1.0, 0)]), last=True)
            with pytest.raises(NotFound):
                await imports.take(BEA, FILE, 4, first, last=True)
            with pytest.raises(InvalidInput, match="is no text"):
                await imports.take(ANN, FILE, 4, encoded([Sample(2, START_US, 1.0, 0)]), last=True)
            with pytest.raises(InvalidInput, match="hexadecimal"):
                await imports.take(ANN, "x/../y", 1, first, last=True)
            with pytest.raises(InvalidInput):
                await imports.take(ANN, FILE, 4, b"rubbish", last=True)
            await imports.take(ANN, FILE, 4, first, last=False)
            with pytest.raises(Conflict):
                await imports.take(ANN, "f" * 32, 1, first, last=False)


async def test_nobody_drops_or_shadows_anothers_import_nor_writes_what_a_policy_forbids(
    plants, tmp_path, sqlite_template, monkeypatch
):
    with sqlite_database(tmp_path, sqlite_template) as database:
        tags = Tags(database, HandleMinter("99.1"))
        specs = [TagSpec(path="a/b/c/d/e/f/P"), TagSpec(path="a/b/c/d/e/f/X", project="x")]
        await database.write(tags.allocate, "main", specs)
        egress = open_egress(database, IDENTITY)
        async with plants() as plant:
            imports = Imports(tags, plant.asker, egress)
            hers, his = (encoded([Sample(tag, START_US, tag + 0.5, 0)]) for tag in (2, 1))
            with pytest.raises(Conflict) as caught:
                await imports.take(BEA, FILE, 2, hers, last=True)
            assert caught.value.code == "history.import_not_begun"
            assert await imports.take(BEA, FILE, 1, hers, last=False) == 1
            with pytest.raises(Conflict) as caught:
                await imports.take(ANN, "f" * 32, 1, his, last=False)
            assert FILE not in str(caught.value.facts)
            with pytest.raises(Conflict) as caught:
                await imports.take(BEA, FILE, 1, encoded([Sample(2, START_US, 9.0, 0)]), last=False)
            assert caught.value.code == "history.import_batch_differs"
            await imports.take(BEA, FILE, 2, b"", last=True)
            with pytest.raises(Conflict) as caught:
                await imports.take(ANN, FILE, 2, his, last=False)
            assert caught.value.code == "history.import_not_begun"
            assert await imports.take(ANN, FILE, 1, his, last=True) == 1
            state = await plant.asker.stream_info("TELEMETRY")
            await plant.taken(state.last)
            assert sorted((row[0], row[2]) for row in await plant.raw()) == [(1, 1.5), (2, 2.5)]
            monkeypatch.setattr(egress.access, "authorize", denying(egress.access.authorize, "a/b/c/d/e/f/P"))
            with pytest.raises(Forbidden):
                await imports.take(ANN, "e" * 32, 1, his, last=True)


def denying(authorize, path):
    """The same decisions, but that nobody may write this tag."""

    def decide(principal, action, resource="*", context=None):
        decision = authorize(principal, action, resource, context)
        wrong = action == "history:write" and getattr(resource, "id", "") == path
        return msgspec.structs.replace(decision, allowed=False) if wrong else decision

    return decide
