"""Calculated answers over HTTP on a running writer: every format says the same, pages follow, refusals name the rule."""

import asyncio
import contextlib
import csv
import io
import json
import socket

import httpx
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from litestar import Litestar, Response
from litestar.di import Provide

from lineshaft.access.labels.testing import open_egress
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Identity
from lineshaft.core.http import PROBLEM_JSON, problem
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Obligation, Principal
from lineshaft.history.api import raw
from lineshaft.history.model import TagSpec
from lineshaft.history.query.api import ROUTES
from lineshaft.history.store import Tags
from lineshaft.history.testing import START_US
from lineshaft.records.testing import sqlite_database

SECOND = 1_000_000
PLANT = "eastman/tennessee/process/te/main/plant"
IDENTITY = Identity(format=1, tenant="main", site="box", prefix="99.1", created="2026-01-01T00:00:00Z")
PRINCIPAL = Principal(id="99.1/person.1", name="ann", kind="person", tenant="main", roles=frozenset({"viewer"}))
KINDS = (("P", "number"), ("V", "text"), ("N", "integer"))


def at(second: float) -> str:
    return clock.rfc3339(START_US + round(second * SECOND))


def giving(part):
    return Provide(lambda: part, sync_to_thread=False)


@pytest.fixture
def served(plants, tmp_path, sqlite_template):
    @contextlib.asynccontextmanager
    async def serve():
        with sqlite_database(tmp_path, sqlite_template) as database:
            tags = Tags(database, HandleMinter("99.1"))
            specs = [TagSpec(path=f"{PLANT}/{name}", unit="kPa", kind=kind) for name, kind in KINDS]
            await database.write(tags.allocate, "main", specs)
            async with plants() as plant:
                egress = open_egress(database, IDENTITY)
                given = {
                    "history": plant.reader,
                    "tags": tags,
                    "principal": PRINCIPAL,
                    "language": "en",
                    "egress": egress,
                }
                app = Litestar(
                    [raw, *ROUTES], openapi_config=None, dependencies={name: giving(part) for name, part in given.items()},
                    exception_handlers={LineshaftError: lambda _, error: Response(
                        problem(error), status_code=error.status, media_type=PROBLEM_JSON)},
                )  # fmt: skip
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
                    task = asyncio.create_task(server.serve(sockets=[listener]))
                    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/history"
                    try:
                        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
                            yield plant, client, egress
                    finally:
                        server.should_exit = True
                        await task

    return serve


async def publish(plant) -> None:
    """A pressure each second for 20 s, the first ten sealed; two texts; a counter."""
    await plant.publish([(1, START_US + n * SECOND, float(n)) for n in range(10)])
    await plant.taken()
    await plant.reader.seal()
    await plant.publish(
        [*((1, START_US + n * SECOND, float(n)) for n in range(10, 20)), (2, START_US, "open"),
         (2, START_US + 9 * SECOND, "shut"), (3, START_US, 5), (3, START_US + 8 * SECOND, 6)]
    )  # fmt: skip
    await plant.taken()


async def test_processed_answers_in_every_format_and_page_by_page(served):
    async with served() as (plant, client, _):
        await publish(plant)
        params = {"tag": f"{PLANT}/P", "from": at(0), "to": at(20), "interval": "5s", "aggregate": "average"}
        answer = await client.get("/processed", params=params)
        page = answer.json()
        assert [item["value"] for item in page["items"]] == [2.0, 7.0, 12.0, 17.0]
        assert page["items"][1]["bits"] == ["Calculated"]
        assert (page["items"][1]["time"], page["items"][1]["unit"]) == (at(5), "kPa")
        assert (page["next"], page["source"], answer.headers["lineshaft-source"]) == (None, "raw", "raw")
        first = (await client.get("/processed", params=params | {"limit": 3})).json()
        rest = (await client.get("/processed", params=params | {"limit": 3, "cursor": first["next"]})).json()
        assert (first["items"] + rest["items"], rest["next"]) == (page["items"], None)
        lines = (await client.get("/processed", params=params | {"format": "ndjson"})).text.splitlines()
        assert [json.loads(line) for line in lines] == page["items"]
        shown = csv.DictReader(io.StringIO((await client.get("/processed", params=params | {"format": "csv"})).text))
        assert [(row["value"], row["bits"]) for row in shown][1] == ("7.0", "Calculated")
        arrow = pa.ipc.open_stream(
            (await client.get("/processed", params=params | {"format": "arrow"})).content
        ).read_all()
        assert (arrow.column("v").to_pylist(), arrow.column("path").to_pylist()) == ([2, 7, 12, 17], [f"{PLANT}/P"] * 4)
        answer = await client.get("/processed", params=params, headers={"accept": "application/vnd.apache.parquet"})
        assert pq.read_table(io.BytesIO(answer.content)).column("v").to_pylist() == [2, 7, 12, 17]
        backward = (await client.get("/processed", params=params | {"from": at(20), "to": at(0)})).json()["items"]
        assert [item["time"] for item in backward] == [at(20), at(15), at(10), at(5)]


async def test_values_at_times_windows_and_bounding_values_join_hot_and_sealed_rows(served):
    async with served() as (plant, client, _):
        await publish(plant)
        params = {"tag": [f"{PLANT}/P", f"{PLANT}/N", f"{PLANT}/V"], "time": [at(9.5), at(3)]}
        items = (await client.get("/at", params=params)).json()["items"]
        assert [(item["path"][-1], item["value"]) for item in items] == [
            ("P", 9.5), ("P", 3.0), ("V", "shut"), ("V", "open"), ("N", 6), ("N", 5),
        ]  # fmt: skip
        assert items[0]["bits"] == ["Interpolated"]
        assert "sample" not in items[0]
        held = (await client.get("/at", params=params | {"mode": "previous"})).json()["items"]
        assert (held[0]["value"], held[0]["sample"], held[0]["time"]) == (9.0, at(9), at(9.5))
        params = {"tag": f"{PLANT}/P", "event": [at(10), at(2)], "before": "2s", "after": "1s"}
        items = (await client.get("/windows", params=params)).json()["items"]
        assert [(item["event"], item["offset"], item["value"]) for item in items] == [
            (0, -2.0, 8.0), (0, -1.0, 9.0), (0, 0.0, 10.0), (1, -2.0, 0.0), (1, -1.0, 1.0), (1, 0.0, 2.0),
        ]  # fmt: skip
        params = {"tag": [f"{PLANT}/P", f"{PLANT}/N"], "from": at(8.5), "to": at(11.5), "bounds": "true"}
        items = (await client.get("/raw", params=params)).json()["items"]
        assert [(item["path"][-1], item["time"], item["value"]) for item in items] == [
            ("P", at(8), 8.0), ("N", at(8), 6), ("P", at(9), 9.0), ("P", at(10), 10.0), ("P", at(11), 11.0),
            ("N", at(11.5), None), ("P", at(12), 12.0),
        ]  # fmt: skip
        assert [item["quality"] for item in items if item["time"] == at(11.5)] == [0x80D70000], "BadBoundNotFound"
        paged, cursor = [], {}
        while True:
            page = (await client.get("/raw", params=params | {"limit": 2} | cursor)).json()
            paged += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert paged == items
        only = (await client.get("/raw", params=params | {"from": at(100), "to": at(101)})).json()["items"]
        assert [item["value"] for item in only] == [6, 19.0, None, None]
        answer = await client.get("/raw", params=params | {"format": "parquet", "bounds": "false"})
        assert pq.read_table(io.BytesIO(answer.content)).column("v").to_pylist() == [9.0, 10.0, 11.0]


async def test_masks_come_before_the_calculation_and_rows_are_counted_once(served, monkeypatch):
    async with served() as (plant, client, egress):
        await publish(plant)
        admit = egress.admit

        async def rounding(*args, **kwargs):
            release = await admit(*args, **kwargs)
            release.changes = [lambda rows: rows.slice(0, 5)]
            return release

        monkeypatch.setattr(egress, "admit", rounding)
        params = {"tag": f"{PLANT}/P", "from": at(0), "to": at(20), "interval": "0", "aggregate": "Count"}
        assert (await client.get("/processed", params=params)).json()["items"][0]["value"] == 5.0
        answer = await client.get("/processed", params=params | {"format": "csv"})
        assert len(answer.text.splitlines()) == 2


async def test_times_apart_show_nobody_more_than_the_sample_of_each_interval(served, monkeypatch):
    async with served() as (plant, client, egress):
        await plant.publish([(1, START_US + n * 1200 * SECOND, float(n)) for n in range(12)])
        await plant.taken()
        admit = egress.admit

        async def thinning(*args, **kwargs):
            release = await admit(*args, **kwargs)
            duty = Obligation(kind="sample", argument="600")
            release.decision = msgspec.structs.replace(release.decision, obligations=(duty,))
            release.changes = await egress._changes(release, kwargs["start_us"])
            return release

        monkeypatch.setattr(egress, "admit", thinning)
        hours = [at(n * 7200 - 1) for n in range(2)]
        for route, params in (("windows", {"event": hours}), ("at", {"time": hours}), ("at", {"time": hours[:1]})):
            answer = await client.get(f"/{route}", params=params | {"tag": f"{PLANT}/P"})
            assert (answer.status_code, answer.json()["code"]) == (403, "history.times_apart_forbidden"), answer.text
        one = {"tag": f"{PLANT}/P", "event": hours[1], "before": "1h", "after": "1h"}
        items = (await client.get("/windows", params=one)).json()["items"]
        assert [item["value"] for item in items] == [4.0, 5.0, 6.0, 7.0, 8.0]  # 3 lies in an interval cut by the start


async def test_bad_questions_are_refused_with_field_and_rule(served):
    async with served() as (_, client, _):
        params = {"tag": f"{PLANT}/P", "from": at(0), "to": at(20), "time": at(1), "event": at(1)}
        for route, wrong, code in (
            ("processed", {"aggregate": "Median"}, "aggregate_unknown"),
            ("processed", {"aggregate": "AnnotationCount"}, "aggregate_unsupported"),
            ("processed", {"tag": f"{PLANT}/V"}, "aggregate_needs_numbers"),
            ("processed", {"interval": "soon"}, "duration_unreadable"),
            ("processed", {"interval": "1us"}, "processed_too_large"),
            ("processed", {"to": at(0)}, "range_empty"),
            ("processed", {"percent_data_bad": 101}, "percent_out_of_range"),
            ("processed", {"limit": 0}, "limit_out_of_range"),
            ("at", {"time": []}, "time_count_invalid"),
            ("at", {"mode": "next"}, "mode_unknown"),
            ("windows", {"before": "-5s"}, "duration_unreadable"),
        ):
            answer = await client.get(f"/{route}", params=params | wrong)
            assert (answer.status_code, answer.json()["code"]) == (400, f"history.{code}"), answer.text
