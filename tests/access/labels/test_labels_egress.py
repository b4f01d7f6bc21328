"""The egress gate on the routes of the history: what is refused, what is recorded, what is changed on its way."""

import asyncio
import contextlib
import csv
import io
import json
import socket

import httpx
import numpy as np
import pyarrow as pa
import pytest
import uvicorn
from litestar import Litestar, Response
from litestar.di import Provide
from msgspec.structs import replace
from sqlalchemy import select

from lineshaft.access.labels import LabelSettings, Subject
from lineshaft.access.labels.canaries import every, trace
from lineshaft.access.labels.mask import pseudonym
from lineshaft.access.labels.store import EGRESS
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, LineshaftError, Unavailable
from lineshaft.core.http import PROBLEM_JSON, problem
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Decision, Obligation
from lineshaft.history.api import ROUTES
from lineshaft.history.model import TagSpec
from lineshaft.history.reader import HistoryReader
from lineshaft.history.schema import ROWS
from lineshaft.history.store import Tags
from lineshaft.web.app import PARTS

PLANT = "acme/north/area/line/cell/dev"
SECOND = 1_000_000
START = 1_760_000_000 * SECOND
FROM = {"from": clock.rfc3339(START), "to": clock.rfc3339(START + 10**12)}
RAW, LATEST = "/api/v1/history/raw", "/api/v1/history/latest"


class Reader(HistoryReader):
    """A history with the same rows for every tag, one a second; `text` makes them texts."""

    def __init__(self):
        self.count, self.batches, self.text = 20, 1, None
        self.endless = False

    def rows(self, tags, first, count):
        numbers = sorted(tags)
        ts = np.repeat(START + np.arange(first, first + count) * SECOND, len(numbers))
        size = len(ts)
        times = pa.array(ts, pa.int64()).cast(pa.timestamp("us", "UTC"))
        texts = [self.text] * size
        values = None if self.text else np.arange(size) + 0.25
        columns = [
            pa.array(numbers * count, pa.int32()), times, times,
            pa.array(values if values is not None else [None] * size, pa.float64()), pa.nulls(size, pa.int64()),
            pa.array(texts, pa.string()), pa.nulls(size, pa.bool_()), pa.array([0] * size, pa.uint32()),
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=ROWS)

    async def latest(self, tags):
        return self.rows(tags, 0, 1)

    async def raw(self, tags, start_us, end_us, *, limit=None, after=None, bounds=False):
        for number in range(self.batches):
            rows = self.rows(tags, number * self.count, self.count)
            yield rows if limit is None else rows.slice(0, limit)
        while self.endless:
            await asyncio.sleep(0.001)
            yield rows


class Counter:
    """A history over HTTP, for one caller at a time."""

    def __init__(self, shelf, office):
        self.shelf = shelf
        self.reader = Reader()
        self.principal = office.principal("local")
        self.obligations = ()
        shelf.access.authorize = self._obliging(shelf.access.authorize)

    def _obliging(self, authorize):
        def decide(principal, action, resource="*", context=None):
            decision = authorize(principal, action, resource, context)
            mine = self.obligations if action == "history:read" else ()
            return replace(decision, obligations=(*decision.obligations, *mine))

        return decide

    async def get(self, path=RAW, tags=("A",), **params):
        asked = {"tag": [f"{PLANT}/{tag}" for tag in tags], **(FROM if path == RAW else {}), **params}
        return await self.client.get(path, params=asked)

    def exports(self):
        with self.shelf.office.database.read() as connection:
            return connection.execute(select(EGRESS).order_by(EGRESS.c.id)).all()

    async def recorded(self, count):
        """The exports, once they are that many."""
        await self.condition(lambda: len(self.exports()) >= count)
        return self.exports()

    async def approve(self, by, recipient="vendor", purpose="operation", path=PLANT):
        await self.shelf.administration.approve(
            by, Subject("tag", path), recipient=recipient, purpose=purpose, reason="contract 7", days=1
        )


@pytest.fixture
def label_settings():
    return LabelSettings(export_rows=100, external_rows_per_day=1000)


@pytest.fixture
async def counter(shelf, office, database, condition):
    counter = Counter(shelf, office)
    counter.condition = condition
    tags = Tags(database, HandleMinter("99.1"))
    specs = [TagSpec(path=f"{PLANT}/{name}") for name in ("A", "B", "C")]
    await database.write(tags.allocate, office.identity.tenant, specs)
    given = {
        **{name: lambda: None for name in (*PARTS, "caller")},
        "history": lambda: counter.reader, "tags": lambda: tags, "principal": lambda: counter.principal,
        "language": lambda: "en", "egress": lambda: shelf.egress,
    }  # fmt: skip
    app = Litestar(
        ROUTES, openapi_config=None,
        exception_handlers={
            LineshaftError: lambda _, error: Response(
                problem(error), status_code=error.status, media_type=PROBLEM_JSON
            )
        },
        dependencies={name: Provide(give, sync_to_thread=False) for name, give in given.items()},
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
                counter.client = client
                yield counter
        finally:
            server.should_exit = True
            await task
            await shelf.egress.close()


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


# -- clearance ----------------------------------------------------------------------------------------------------------


async def test_a_clearance_below_the_grade_is_denied_and_an_equal_one_is_not(counter, shelf):
    await shelf.put(PLANT, grade_2020=2)
    await shelf.put(f"{PLANT}/B", grade_2020=3)
    counter.principal = replace(counter.principal, clearance=1)
    for path in (RAW, LATEST):
        answer = await counter.get(path)
        assert answer.status_code == 403
        assert answer.json()["code"] == "access.denied"
        assert "clearance" in answer.json()["title"]
    counter.principal = replace(counter.principal, clearance=2)
    assert (await counter.get()).status_code == 200
    assert (await counter.get(tags=("A", "B"))).status_code == 403
    counter.principal = replace(counter.principal, clearance=3)
    assert (await counter.get(tags=("A", "B"))).status_code == 200


async def test_what_has_no_label_counts_as_grade_three(counter):
    counter.principal = replace(counter.principal, clearance=2)
    assert (await counter.get()).status_code == 403
    counter.principal = replace(counter.principal, clearance=3)
    assert (await counter.get()).status_code == 200


async def test_the_gate_itself_refuses_a_clearance_that_is_too_low(shelf, office):
    low = replace(shelf.local, clearance=1)
    allowed = Decision(id="d", allowed=True, action="history:read", resource="x", reason="")
    with pytest.raises(Forbidden, match=r"access\.clearance_too_low"):
        await shelf.egress.check(low, [Subject("tag", f"{PLANT}/A")], allowed)
    (entry,) = await office.audit("access:export")
    assert (entry.outcome, entry.facts["reason"]) == ("denied", "access.clearance_too_low")


# -- export rules -------------------------------------------------------------------------------------------------------


async def test_what_must_not_be_exported_is_read_by_page_only(counter, shelf):
    await shelf.put(PLANT, export="forbidden")
    for form in ("csv", "ndjson", "arrow"):
        answer = await counter.get(format=form)
        assert (answer.status_code, answer.json()["code"]) == (403, "access.export_forbidden")
    assert (await counter.get(recipient="ada")).json()["code"] == "access.export_forbidden"
    assert (await counter.get()).status_code == 200


@pytest.mark.parametrize(
    "label", [None, {"grade_2020": 3}, {"grade_2022": "important"}, {"grade_2022": "core"}, {"export": "approval"}]
)
async def test_sensitive_or_unknown_data_leave_only_by_somebody_elses_approval(counter, shelf, office, label):
    await office.person("ada", "administrator")
    if label is not None:
        await shelf.put(PLANT, **label)
    answer = await counter.get(recipient="vendor", format="csv")
    assert (answer.status_code, answer.json()["code"]) == (403, "access.export_approval_needed")
    await counter.approve(shelf.local)  # one's own approval
    assert (await counter.get(recipient="vendor")).status_code == 403
    await counter.approve(office.principal("ada"), purpose="research")
    assert (await counter.get(recipient="vendor")).status_code == 403
    assert (await counter.get(recipient="vendor", purpose="research")).status_code == 200
    assert (await counter.get(recipient="another", purpose="research")).status_code == 403


async def test_general_data_leave_without_approval_and_to_colleagues_sensitive_ones_too(counter, shelf, office):
    await office.person("ada", "viewer")
    await shelf.put(PLANT, grade_2020=2)
    assert (await counter.get(recipient="vendor", format="csv")).status_code == 200
    await shelf.put(PLANT, grade_2020=3)
    assert (await counter.get(recipient="ada", format="csv")).status_code == 200
    found = await counter.recorded(2)
    assert [(one.recipient, one.outside) for one in found] == [("vendor", True), ("ada", False)]


@pytest.mark.parametrize(("name", "value"), [("purpose", "two words"), ("purpose", ""), ("recipient", "x" * 181)])
async def test_purpose_and_recipient_must_be_sayable(counter, name, value):
    answer = await counter.get(**{name: value})
    assert (answer.status_code, answer.json()["code"]) == (400, f"access.export_{name}_invalid")


# -- what is recorded ---------------------------------------------------------------------------------------------------


async def test_an_export_to_somebody_else_is_recorded_with_its_volume_and_decision(counter, shelf, office):
    await shelf.put(PLANT, grade_2020=1)
    answer = await counter.get(recipient="vendor", purpose="maintenance", format="csv", tags=("A", "B"))
    rows = [*csv.DictReader(io.StringIO(answer.text))]
    (one,) = await counter.recorded(1)
    assert (one.rows, one.bytes, one.objects, one.whole) == (40, len(answer.content), 2, True)
    assert len(rows) == 40
    assert (one.recipient, one.purpose, one.grade_2020, one.grade_2022) == ("vendor", "maintenance", 1, "general")
    ended, asked = await office.audit("access:export")
    assert (asked.outcome, ended.outcome) == ("asked", "done")
    assert asked.facts["id"] == ended.facts["id"] == one.id
    assert ended.decision == one.decision
    assert ended.facts["rows"] == 40


async def test_ordinary_pages_cost_no_write_until_they_add_up(counter, shelf, database):
    await shelf.put(PLANT)
    await counter.get()
    writes = []
    written = database.write

    async def counting(function, *args, **kwargs):
        writes.append(function)
        return await written(function, *args, **kwargs)

    database.write = counting
    for _ in range(3):
        assert len((await counter.get()).json()["items"]) == 20
    assert writes == []
    await counter.get()
    (one,) = await counter.recorded(1)
    assert (one.rows, one.recipient) == (100, "local")
    assert len(writes) == 1


async def test_a_large_stream_of_ones_own_is_recorded_a_small_one_is_added_up(counter, shelf):
    await shelf.put(PLANT)
    await counter.get(format="ndjson")
    counter.reader.batches = 6
    await counter.get(format="ndjson")
    (one,) = await counter.recorded(1)
    assert one.rows == 120
    await shelf.egress.close()
    assert [one.rows for one in counter.exports()] == [120, 20]


async def test_whoever_leaves_before_the_end_is_recorded_with_what_was_given(counter, shelf):
    await shelf.put(PLANT)
    counter.reader.endless, counter.reader.count = True, 2
    shelf.egress.settings = LabelSettings(external_rows_per_day=0)
    params = {"tag": [f"{PLANT}/A"], **FROM, "format": "ndjson", "recipient": "vendor"}
    async with counter.client.stream("GET", RAW, params=params) as answer:
        async for _ in answer.aiter_lines():
            break
    (one,) = await counter.recorded(1)
    assert not one.whole
    assert one.rows >= 2
    assert one.bytes > 0


async def test_a_recipient_outside_gets_no_more_than_a_day_allows(counter, shelf):
    await shelf.put(PLANT)
    counter.reader.count = 400
    for _ in range(2):
        assert (await counter.get(recipient="vendor", format="csv")).status_code == 200
    await counter.recorded(2)
    with contextlib.suppress(httpx.RemoteProtocolError):
        answer = await counter.get(recipient="vendor", format="csv")
        assert len(answer.text.splitlines()) < 400
    last = (await counter.recorded(3))[-1]
    assert not last.whole
    counter.reader.count = 200
    assert (await counter.get(recipient="vendor", format="csv")).status_code == 200
    await counter.recorded(4)
    answer = await counter.get(recipient="vendor", format="csv")
    assert (answer.status_code, answer.json()["code"]) == (429, "access.export_limit_reached")
    assert (await counter.get(recipient="other", format="csv")).status_code == 200


async def test_reading_goes_on_while_nothing_can_be_recorded_and_is_recorded_later(counter, shelf, database):
    await shelf.put(PLANT)
    counter.reader.batches = 6
    written = database.write

    async def failing(*_args, **_kwargs):
        raise Unavailable("records.full", "the disk is full")

    database.write = failing
    for _ in range(2):
        assert len(lines(await counter.get(format="ndjson"))) == 120
    assert (await counter.get(format="ndjson", recipient="vendor")).status_code == 503
    assert counter.exports() == []
    database.write = written
    await counter.get(format="ndjson")
    assert [one.rows for one in await counter.recorded(3)] == [120] * 3


# -- obligations --------------------------------------------------------------------------------------------------------


async def test_masks_hold_in_every_format_and_for_the_newest_value(counter, shelf):
    await shelf.put(PLANT)
    counter.obligations = (Obligation(kind="mask", argument="round:0"),)
    for path in (RAW, LATEST):
        values = [item["value"] for item in (await counter.get(path)).json()["items"]]
        assert values
        assert all(value == round(value) for value in values)
        assert [item["value"] for item in lines(await counter.get(path, format="ndjson"))] == values
        rows = [*csv.DictReader(io.StringIO((await counter.get(path, format="csv")).text))]
        assert [float(row["value"]) for row in rows] == values
        table = pa.ipc.open_stream((await counter.get(path, format="arrow")).content).read_all()
        assert table.column("v").to_pylist() == values
    counter.obligations = (Obligation(kind="mask", argument="null"),)
    assert {item["value"] for item in (await counter.get()).json()["items"]} == {None}


async def test_an_obligation_for_one_tag_holds_for_the_whole_answer(counter, shelf):
    await shelf.put(PLANT)
    authorize = shelf.access.authorize

    def decide(principal, action, resource="*", context=None):
        decision = authorize(principal, action, resource, context)
        hidden = getattr(resource, "id", "") == f"{PLANT}/B"
        return replace(decision, obligations=(Obligation(kind="mask"),)) if hidden else decision

    shelf.access.authorize = decide
    assert None not in {item["value"] for item in (await counter.get()).json()["items"]}
    assert {item["value"] for item in (await counter.get(tags=("A", "B"))).json()["items"]} == {None}


async def test_pseudonyms_are_the_recipients_own(counter, shelf):
    await shelf.put(PLANT)
    counter.reader.text = "batch of Ada"
    counter.obligations = (Obligation(kind="mask", argument="pseudonym"),)
    seen = {}
    for recipient in ("lab", "vendor"):
        answer = await counter.get(recipient=recipient, format="ndjson")
        seen[recipient] = {item["value"] for item in lines(answer)}
        assert seen[recipient] == {pseudonym(f"operation {recipient}".encode(), "batch of Ada")}
    assert not seen["lab"] & seen["vendor"]


async def test_thinned_answers_go_on_page_by_page(counter, shelf):
    await shelf.put(PLANT)
    counter.obligations = (Obligation(kind="sample", argument="5"),)
    times = [item["time"] for item in lines(await counter.get(format="ndjson"))]
    assert times == [clock.rfc3339(START + at * SECOND) for at in (0, 5, 10, 15)]
    page = (await counter.get(limit=10)).json()
    assert len(page["items"]) == 2
    assert page["next"] is not None


async def test_the_newest_value_is_thinned_over_several_questions(counter, shelf):
    await shelf.put(PLANT)
    counter.obligations = (Obligation(kind="sample", argument="5"),)
    first = (await counter.get(LATEST)).json()["items"]
    assert len(first) == 1
    assert (await counter.get(LATEST)).json()["items"] == first
    counter.reader.rows = lambda tags, _first, _count: Reader.rows(counter.reader, tags, 3, 1)
    assert (await counter.get(LATEST)).json()["items"] == []
    counter.reader.rows = lambda tags, _first, _count: Reader.rows(counter.reader, tags, 5, 1)
    assert len((await counter.get(LATEST)).json()["items"]) == 1


async def test_only_what_may_be_seen_unchanged_is_pushed_live(counter, shelf):
    await shelf.put(f"{PLANT}/A", grade_2020=1)
    await shelf.put(f"{PLANT}/B", grade_2020=2)
    subjects = [Subject("tag", f"{PLANT}/{name}") for name in ("A", "B", "C")]

    async def pushed(clearance):
        seen = await shelf.egress.pushable(replace(shelf.local, clearance=clearance), "history:read", subjects)
        return [subject.path[-1] for subject in seen]

    assert [await pushed(clearance) for clearance in (1, 2, 3)] == [["A"], ["A", "B"], ["A", "B", "C"]]
    counter.obligations = (Obligation(kind="mask"),)
    assert await pushed(3) == []


# -- canaries -----------------------------------------------------------------------------------------------------------


async def test_a_leaked_export_is_traced_to_its_recipient(counter, shelf, database, tmp_path):
    await shelf.put(PLANT, grade_2020=2)
    given = {}
    for recipient in ("lab", "vendor"):
        given[recipient] = (await counter.get(recipient=recipient, format="csv")).content
    await counter.recorded(2)
    own = (await counter.get(format="csv")).content
    assert own not in given.values()
    with database.read() as connection:
        planted = every(connection, "main")
    assert sorted(one.recipient for one in planted) == ["lab"] * 3 + ["vendor"] * 3
    for name, content in [*given.items(), ("own", own)]:
        file = tmp_path / f"{name}.csv"
        file.write_bytes(content)
        found = trace(file, planted)
        assert [one.recipient for one in found] == ([] if name == "own" else [name])


async def test_nothing_is_planted_in_data_of_the_lowest_grade_or_for_colleagues(counter, shelf, office, database):
    await office.person("ada", "viewer")
    await shelf.put(PLANT, grade_2020=1)
    await counter.get(recipient="vendor", format="csv")
    await shelf.put(PLANT, grade_2020=3)
    await counter.get(recipient="ada", format="csv")
    await counter.recorded(2)
    with database.read() as connection:
        assert every(connection, "main") == []
