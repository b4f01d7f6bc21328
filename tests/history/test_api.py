"""The routes over HTTP, on a running writer: one answer in each format, pages, and refusals that say why."""

import asyncio
import csv
import io
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pyarrow as pa
import pytest
import uvicorn
from litestar import Litestar, Request, Response
from litestar.di import Provide

from lineshaft.access.labels.testing import open_egress
from lineshaft.access.roles import ACTIONS
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Identity
from lineshaft.core.http import PROBLEM_JSON, problem
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.history.api import MAXIMUM_ROWS, ROUTES
from lineshaft.history.model import TagSpec
from lineshaft.history.store import Tags
from lineshaft.history.testing import START_US
from lineshaft.records.testing import sqlite_database
from lineshaft.web.app import PARTS

PLANT = "eastman/tennessee/process/te/main/plant"
FROM = {"from": clock.rfc3339(START_US), "to": clock.rfc3339(START_US + 10**9)}
IDENTITY = Identity(format=1, tenant="main", site="box", prefix="99.1", created="2026-01-01T00:00:00Z")
PRINCIPAL = Principal(id="99.1/person.1", name="ann", kind="person", tenant="main", roles=frozenset({"viewer"}))


def refused(_: Request, error: LineshaftError) -> Response:
    return Response(problem(error), status_code=error.status, media_type=PROBLEM_JSON)


def giving(part: Any) -> Callable[[], Any]:
    def give() -> Any:
        return part

    return give


@pytest.fixture
def served(plants, tmp_path, sqlite_template) -> Callable[..., object]:
    @asynccontextmanager
    async def serve(**settings) -> AsyncIterator[tuple]:
        with sqlite_database(tmp_path, sqlite_template) as database:
            tags = Tags(database, HandleMinter("99.1"))
            specs = [TagSpec(path=f"{PLANT}/{name}", unit=unit) for name, unit in (("P", "kPa"), ("V", ""))]
            await database.write(tags.allocate, "main", specs)
            await database.write(tags.allocate, "other", [TagSpec(path=f"{PLANT}/SECRET")])
            async with plants(**settings) as plant:
                given = {
                    **dict.fromkeys((*PARTS, "caller")),
                    "history": plant.reader, "tags": tags, "principal": PRINCIPAL, "language": "en",
                    "egress": open_egress(database, IDENTITY),
                }  # fmt: skip
                app = Litestar(
                    ROUTES, exception_handlers={LineshaftError: refused}, openapi_config=None,
                    dependencies={name: Provide(giving(part), sync_to_thread=False) for name, part in given.items()},
                )  # fmt: skip
                async with (
                    listening(app) as url,
                    httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
                ):
                    yield plant, client

    return serve


@asynccontextmanager
async def listening(app: Litestar) -> AsyncIterator[str]:
    """A real server in this loop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def publish(plant) -> None:
    """Five pressures, the first three sealed, and two positions."""
    await plant.publish([(1, START_US + n * 1000, n + 0.5) for n in range(3)])
    await plant.taken()
    await plant.reader.seal()
    await plant.publish(
        [*((1, START_US + n * 1000, n + 0.5) for n in (3, 4)), (2, START_US, "open"), (2, START_US + 2000, "shut")]
    )
    await plant.taken()


def test_every_route_declares_an_action_that_a_role_has():
    assert all(set(route.opt) <= {"action", "tenant", "project"} and route.opt["action"] in ACTIONS for route in ROUTES)


async def test_raw_samples_in_every_format_are_the_same_samples(served):
    async with served() as (plant, client):
        await publish(plant)
        params = {"tag": [f"{PLANT}/P", f"{PLANT}/V"], **FROM}
        page = (await client.get("/api/v1/history/raw", params=params)).json()
        assert page["next"] is None
        assert [(item["path"][-1], item["value"]) for item in page["items"]] == [
            ("P", 0.5), ("V", "open"), ("P", 1.5), ("P", 2.5), ("V", "shut"), ("P", 3.5), ("P", 4.5),
        ]  # fmt: skip
        assert page["items"][0]["unit"] == "kPa"
        assert page["items"][0]["words"] == "good"
        answer = await client.get("/api/v1/history/raw", params=params | {"format": "ndjson"})
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        assert [json.loads(line) for line in answer.text.splitlines()] == page["items"]
        answer = await client.get("/api/v1/history/raw", params=params, headers={"accept": "text/csv"})
        assert [row["time"] for row in csv.DictReader(io.StringIO(answer.text))] == [
            row["time"] for row in page["items"]
        ]
        arrow = {"accept": "application/vnd.apache.arrow.stream"}
        answer = await client.get("/api/v1/history/raw", params=params, headers=arrow)
        table = pa.ipc.open_stream(answer.content).read_all()
        assert table.column("path").to_pylist() == [item["path"] for item in page["items"]]
        assert table.column("v").to_pylist() == [0.5, None, 1.5, 2.5, None, 3.5, 4.5]
        answer = await client.get("/api/v1/history/raw", params=params | {"format": "arrow", "limit": 3})
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 3


async def test_pages_follow_the_cursor_over_hot_and_sealed_rows(served):
    async with served() as (plant, client):
        await publish(plant)
        params = {"tag": [f"{PLANT}/P", f"{PLANT}/V"], **FROM, "limit": 2}
        whole = (await client.get("/api/v1/history/raw", params=params | {"limit": 100})).json()["items"]
        found, cursor = [], {}
        while True:
            page = (await client.get("/api/v1/history/raw", params=params | cursor)).json()
            found += page["items"]
            if page["next"] is None:
                break
            assert len(page["items"]) == 2
            cursor = {"cursor": page["next"]}
            await plant.reader.seal()  # what was hot on the last page is sealed on this one
        assert found == whole


async def test_latest_gives_the_newest_of_each_tag(served):
    async with served() as (plant, client):
        await publish(plant)
        items = (await client.get("/api/v1/history/latest", params={"tag": [f"{PLANT}/P", f"{PLANT}/V"]})).json()[
            "items"
        ]
        assert [(item["path"], item["value"], item["time"], item["quality"]) for item in items] == [
            (f"{PLANT}/P", 4.5, clock.rfc3339(START_US + 4000), 0),
            (f"{PLANT}/V", "shut", clock.rfc3339(START_US + 2000), 0),
        ]
        answer = await client.get("/api/v1/history/latest", params={"tag": f"{PLANT}/V", "format": "csv"})
        assert "shut" in answer.text


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("raw", {**FROM}, 400, "history.tag_count_invalid"),
        ("raw", {"tag": f"{PLANT}/P", **FROM, "limit": 0}, 400, "history.limit_out_of_range"),
        ("raw", {"tag": f"{PLANT}/P", **FROM, "limit": MAXIMUM_ROWS + 1}, 400, "history.limit_out_of_range"),
        ("raw", {"tag": f"{PLANT}/P", **FROM, "cursor": "nonsense"}, 400, "core.cursor_invalid"),
        ("raw", {"tag": f"{PLANT}/P", **FROM, "cursor": "WyJhIl0"}, 400, "core.cursor_invalid"),
        ("raw", {"tag": f"{PLANT}/P", "from": "yesterday"}, 400, "core.time_unreadable"),
        ("raw", {"tag": f"{PLANT}/P", "from": "-1m", "to": "-2m"}, 400, "history.range_reversed"),
        ("raw", {"tag": f"{PLANT}/P", **FROM, "format": "xml"}, 400, "history.format_unknown"),
        ("raw", {"tag": f"{PLANT}/NONE", **FROM}, 404, "history.tag_unknown"),
        ("raw", {"tag": f"{PLANT}/SECRET", **FROM}, 404, "history.tag_unknown"),
        ("latest", {"tag": f"{PLANT}/SECRET"}, 404, "history.tag_unknown"),
        ("latest", {}, 400, "history.tag_count_invalid"),
        ("tags", {"limit": 5000}, 400, "core.limit_out_of_range"),
        ("tags", {"tag": [f"{PLANT}/{number}" for number in range(1001)]}, 400, "history.tag_count_invalid"),
        ("gaps", {"limit": 0}, 400, "core.limit_out_of_range"),
    ],
)  # fmt: skip
async def test_a_wrong_question_is_refused_by_name(served, path, params, status, code):
    async with served() as (_, client):
        answer = await client.get(f"/api/v1/history/{path}", params=params)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_query_without_a_writer_is_refused_and_not_cut_off(served, soon_tired):
    async with served(started=False) as (_, client):
        for kind in ("json", "arrow"):
            params = {"tag": f"{PLANT}/P", **FROM, "format": kind}
            with soon_tired():
                answer = await client.get("/api/v1/history/raw", params=params)
            assert (answer.status_code, answer.json()["code"]) == (503, "bus.no_service")


async def test_tags_are_listed_by_path_for_the_own_tenant_only(served):
    async with served(started=False) as (_, client):
        first = (await client.get("/api/v1/history/tags", params={"prefix": "eastman", "limit": 1})).json()
        assert [(item["path"], item["number"], item["unit"]) for item in first["items"]] == [(f"{PLANT}/P", 1, "kPa")]
        second = (await client.get("/api/v1/history/tags", params={"limit": 1, "cursor": first["next"]})).json()
        assert [item["path"] for item in second["items"]] == [f"{PLANT}/V"]
        last = (await client.get("/api/v1/history/tags", params={"limit": 1, "cursor": second["next"]})).json()
        assert last == {"items": [], "next": None}
        named = {"tag": [f"{PLANT}/V", f"{PLANT}/P", f"{PLANT}/none"]}
        some = (await client.get("/api/v1/history/tags", params=named)).json()
        assert (await client.get("/api/v1/history/tags", params={**named, "limit": 1})).json() == some
        assert {item["path"] for item in some["items"]} == {f"{PLANT}/P", f"{PLANT}/V"}
        assert some["next"] is None


async def test_gaps_come_in_pages_with_their_cause_and_time(served):
    async with served() as (plant, client):
        for _ in range(3):
            plant.lane.seq += 1
            await plant.publish([])
        await plant.taken()
        found, cursor = [], {}
        while True:
            page = (await client.get("/api/v1/history/gaps", params={"limit": 1, **cursor})).json()
            found += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert [(gap["cause"], gap["from_seq"], gap["gateway"]) for gap in found] == [
            ("sequence", 1, "gateway"), ("sequence", 3, "gateway"), ("sequence", 5, "gateway"),
        ]  # fmt: skip
        assert found[0]["to"].endswith("Z")
        assert (await client.get("/api/v1/history/gaps", params={"gateway": "oven"})).json()["items"] == []


async def test_seal_and_status_say_how_far_the_table_is(served):
    async with served() as (plant, client):
        await publish(plant)
        before = (await client.get("/api/v1/history/status")).json()
        assert (before["committed_sequence"], before["read_sequence"], before["hot_rows"]) == (1, 2, 4)
        sealed = (await client.post("/api/v1/history/seal")).json()
        assert (sealed["rows"], sealed["committed_sequence"]) == (4, 2)
        assert (await client.get("/api/v1/history/status")).json()["hot_rows"] == 0


async def test_a_caller_who_leaves_does_not_leave_a_query_behind(served, until):
    async with served() as (plant, client):
        await publish(plant)
        params = {"tag": f"{PLANT}/P", **FROM, "format": "ndjson"}
        async with client.stream("GET", "/api/v1/history/raw", params=params) as answer:
            assert answer.status_code == 200
        await until(lambda: not [task for task in asyncio.all_tasks() if "credit of history" in task.get_name()])
