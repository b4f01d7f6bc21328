"""Samples as they leave: each format carries path, times, value, unit and quality; nothing is rounded."""

import csv
import io
import json

import pyarrow as pa
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.history.formats import chosen_format, encoded, items
from lineshaft.history.model import Tag
from lineshaft.history.testing import START_US, rows_of

TIME = "2025-10-09T08:53:20.000000Z"


def tag(number: int, name: str, unit: str = "") -> Tag:
    return Tag(
        number=number, tenant="main", path=f"a/b/c/d/e/f/{name}", handle=f"99.1/tag.{number}", unit=unit,
        description="", kind="number", device="f", created=0,
    )  # fmt: skip


TAGS = {1: tag(1, "P", "kPa"), 2: tag(2, "阀门, 主"), 3: tag(3, "N"), 4: tag(4, "B")}
ROWS = rows_of(
    [
        (1, START_US, 0.1), (2, START_US + 1, 'open, "half"'), (3, START_US + 2, 2**63 - 1), (4, START_US + 3, True),
        (1, START_US + 4, float("nan")), (1, START_US + 5, float("inf")), (1, START_US + 6, 1.5, 0x408F0000),
    ]
)  # fmt: skip


async def text(kind: str, *batches: pa.RecordBatch, language: str = "en") -> bytes:
    async def given():
        for batch in batches:
            yield batch

    return b"".join([piece async for piece in encoded(given(), kind, TAGS, language)])


async def test_ndjson_says_every_row_in_full():
    lines = [json.loads(line) for line in (await text("ndjson", ROWS)).splitlines()]
    assert lines[0] == {
        "path": "a/b/c/d/e/f/P", "time": TIME, "arrival": TIME, "value": 0.1, "unit": "kPa", "quality": 0, "words": "good",
    }  # fmt: skip
    assert [line["value"] for line in lines] == [0.1, 'open, "half"', 2**63 - 1, True, None, None, 1.5]
    assert lines[4]["quality"] == 0x80310000
    assert lines[6]["words"] == "uncertain: no communication last usable value"
    assert lines[1]["time"] == "2025-10-09T08:53:20.000001Z"


async def test_words_are_in_the_callers_language():
    (first, *_) = (await text("ndjson", ROWS, language="zh")).splitlines()
    assert json.loads(first)["words"] == "良好"


async def test_csv_reads_back_with_any_reader():
    rows = list(csv.DictReader(io.StringIO((await text("csv", ROWS)).decode())))
    assert [row["value"] for row in rows] == ["0.1", 'open, "half"', str(2**63 - 1), "true", "", "", "1.5"]
    assert rows[1]["path"] == "a/b/c/d/e/f/阀门, 主"
    assert (rows[0]["unit"], rows[0]["quality"], rows[6]["quality"]) == ("kPa", "0", str(0x408F0000))


async def test_arrow_keeps_every_bit_and_names_the_tags():
    half = len(ROWS) // 2
    with pa.ipc.open_stream(await text("arrow", ROWS.slice(0, half), ROWS.slice(half))) as stream:
        table = stream.read_all()
    assert table.column_names == ["path", "ts", "arrival", "v", "vi", "vs", "vb", "q", "unit"]
    assert table.column("path").to_pylist()[:2] == ["a/b/c/d/e/f/P", "a/b/c/d/e/f/阀门, 主"]
    assert table.column("unit").to_pylist()[0] == "kPa"
    for name in ("ts", "arrival", "v", "vi", "vs", "vb", "q"):
        assert table.column(name).combine_chunks().equals(pa.chunked_array([ROWS.column(name)]).combine_chunks()) or (
            name == "v" and str(table.column(name).to_pylist()) == str(ROWS.column(name).to_pylist())
        )


@pytest.mark.parametrize("kind", ["ndjson", "csv", "arrow"])
async def test_an_answer_without_rows_is_whole(kind):
    answer = await text(kind)
    if kind == "arrow":
        with pa.ipc.open_stream(answer) as stream:
            assert stream.read_all().num_rows == 0
    else:
        assert answer == (b"path,time,arrival,value,unit,quality,words\r\n" if kind == "csv" else b"")


async def test_a_long_answer_comes_in_pieces():
    rows = rows_of([(1, START_US + n, float(n)) for n in range(10_000)])

    async def given():
        yield rows

    pieces = [piece async for piece in encoded(given(), "ndjson", TAGS, "en")]
    assert len(pieces) > 2
    assert len(b"".join(pieces).splitlines()) == 10_000


def test_the_format_asked_for_wins_then_accept_then_json():
    assert chosen_format("csv", "application/json") == "csv"
    assert chosen_format(None, "text/html, application/x-ndjson;q=0.9, */*") == "ndjson"
    assert chosen_format(None, "application/vnd.apache.arrow.stream") == "arrow"
    assert chosen_format(None, "*/*") == chosen_format(None, "") == "json"
    with pytest.raises(InvalidInput, match="none of json, ndjson, csv, arrow"):
        chosen_format("xml", "")


def test_times_before_1970_and_with_every_decimal_are_exact():
    (item,) = items(rows_of([(1, -1, 1.0)], arrival_us=0), TAGS, "en")
    assert (item.time, item.arrival) == ("1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z")
