"""The server's own routes: alive, ready, status, settings, jobs, quality."""

import asyncio

import msgspec
import pytest

from lineshaft.core.health import Check, HealthListener
from lineshaft.core.http import encode_cursor
from lineshaft.core.settings import Settings
from lineshaft.records import RecordsSettings
from lineshaft.web import api
from lineshaft.web.settings import WebSettings

FAULT = Check(name="bus", ok=False, detail="gone", hint="Start it.")


async def test_alive_and_ready_tell_nothing_but_that(serve):
    async with serve() as server, server.client() as client:
        assert (await client.get("/healthz")).json() == {"ok": True}
        assert (await client.get("/readyz")).json() == {"ok": True}
        server.parts["bus"].__class__.connected = False
        try:
            answer = await client.get("/readyz")
        finally:
            server.parts["bus"].__class__.connected = True
        assert (answer.status_code, answer.json()) == (503, {"ok": False})


async def test_records_that_do_not_answer_make_it_not_ready(serve, records):
    async with serve() as server, server.client() as client:

        async def gone(*_args):
            from lineshaft.core.errors import Unavailable

            raise Unavailable("records.gone", "gone")

        records.query = gone
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.usefixtures("patient_health")
async def test_status_shows_every_service_and_what_is_wrong_with_it(serve, home):
    async def checks():
        return [Check(name="disk", ok=True), FAULT]

    listener = HealthListener(home.socket("gateway"), "gateway", checks)
    await listener.start()
    listener.started = True
    child = {"pid": 7, "restarts": 2, "state": "ready", "since": "", "last_exit": ""}
    state = {"pid": 1, "facts": {}, "children": [{"name": "bus", **child}, {"name": "gateway", **child}]}
    (home.run / "state.json").write_bytes(msgspec.json.encode(state))
    (home.run / "plant.sock").write_bytes(b"")
    try:
        async with serve() as server, server.client(server.people.add("anna", "viewer")) as client:
            status = (await client.get("/api/v1/system/status")).json()
    finally:
        await listener.close()
    services = {service["name"]: service for service in status["services"]}
    assert status["ok"] is False
    assert (services["bus"]["ok"], services["bus"]["pid"]) == (True, 7)
    assert services["gateway"]["ok"] is False
    assert msgspec.to_builtins(FAULT.told("en")) in services["gateway"]["checks"]
    assert services["plant"]["ok"] is False
    assert status["tenant"] == "main"


async def test_settings_show_their_origin_and_hide_secrets(serve):
    async with serve() as server:
        secret = "postgresql://user:hunter2hunter2@db/lineshaft"
        server.parts["settings"]._sections.update(
            Settings.load([RecordsSettings, WebSettings], flags={"records.url": secret})._sections
        )
        server.parts["settings"]._origins["records.url"] = "flag --set records.url"
        async with server.client(server.people.add("anna", "viewer")) as client:
            assert (await client.get("/api/v1/system/settings")).status_code == 403
        async with server.client(server.people.add("boss", "administrator")) as client:
            answer = await client.get("/api/v1/system/settings")
    rows = {row["name"]: row for row in answer.json()["items"]}
    assert rows["web.port"]["value"] == 8420
    assert rows["web.port"]["description"]
    assert rows["records.url"]["origin"] == "flag --set records.url"
    assert "hunter2" not in answer.text


class TestJobs:
    @pytest.fixture
    async def server(self, serve):
        async with serve() as served:

            async def work(handle, arguments):
                handle.progress(1, 3, "walking")
                await asyncio.Event().wait()

            served.parts["jobs"].register("walk", work)
            await served.parts["jobs"].start()
            yield served

    async def submit(self, server, owner, count=1):
        return [await server.parts["jobs"].submit("walk", f"walk {number}", owner.id) for number in range(count)]

    async def test_jobs_are_listed_newest_first_page_by_page(self, server):
        anna = server.people.add("anna", "operator")
        jobs = await self.submit(server, anna, 5)
        async with server.client(anna) as client:
            first = (await client.get("/api/v1/system/jobs", params={"limit": 3})).json()
            rest = (await client.get("/api/v1/system/jobs", params={"limit": 3, "cursor": first["next"]})).json()
        seen = [job["id"] for job in first["items"] + rest["items"]]
        assert seen == [job.id for job in reversed(jobs)]
        assert rest["next"] is None

    @pytest.mark.parametrize(
        "query", [{"limit": 0}, {"limit": 1001}, {"cursor": "%%%"}, {"cursor": "x"}, {"cursor": encode_cursor(7)},
                  {"cursor": encode_cursor()}],
    )  # fmt: skip
    async def test_a_page_that_cannot_be_is_refused(self, server, query):
        async with server.client(server.people.add("anna", "viewer")) as client:
            answer = await client.get("/api/v1/system/jobs", params=query)
        assert answer.status_code == 400, answer.text

    async def test_a_job_shows_its_progress_and_ends_when_asked(self, server, eventually):
        anna = server.people.add("anna", "operator")
        (job,) = await self.submit(server, anna)
        async with server.client(anna) as client:
            await eventually(lambda: server.parts["jobs"]._running[job.id][0].job.done == 1)
            found = (await client.get(f"/api/v1/system/jobs/{job.id}")).json()
            assert (found["state"], found["done"], found["total"], found["message"]) == ("running", 1, 3, "walking")
            assert (await client.post(f"/api/v1/system/jobs/{job.id}/cancel")).status_code == 202

            async def cancelled():
                return (await client.get(f"/api/v1/system/jobs/{job.id}")).json()["state"] == "cancelled"

            await eventually(cancelled)
            assert (await client.post(f"/api/v1/system/jobs/{job.id}/cancel")).status_code == 409

    async def test_anothers_job_is_ended_by_an_administrator_only(self, server):
        (job,) = await self.submit(server, server.people.add("anna", "operator"))
        cancel = f"/api/v1/system/jobs/{job.id}/cancel"
        async with server.client(server.people.add("otto", "operator")) as otto:
            assert (await otto.post(cancel)).status_code == 404
        async with server.client(server.people.add("vera", "viewer")) as viewer:
            assert (await viewer.post(cancel)).status_code == 403
        async with server.client(server.people.add("boss", "administrator")) as boss:
            assert (await boss.post(cancel)).status_code == 202

    async def test_a_job_that_is_none_is_not_found(self, server):
        async with server.client(server.people.add("anna", "viewer")) as client:
            assert (await client.get("/api/v1/system/jobs/01JZ")).status_code == 404


@pytest.mark.parametrize(
    ("code", "severity", "english", "chinese"),
    [(0, "good", "good", "良好"), (0x80310000, "bad", "bad: no communication", "坏：无通信"),
     (0xFFFFFFFF, "bad", "bad", "坏")],
)  # fmt: skip
async def test_a_quality_has_its_words_in_both_languages(serve, code, severity, english, chinese):
    async with serve() as server, server.client(server.people.add("anna", "viewer")) as client:
        answer = await client.get(f"/api/v1/system/quality/{code}")
    found = answer.json()
    assert (found["severity"], found["code"]) == (severity, code)
    assert found["en"].startswith(english)
    assert found["zh"].startswith(chinese)
    assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("code", ["-1", "4294967296", "x"])
async def test_a_number_that_is_no_quality_is_refused(serve, code):
    async with serve() as server, server.client(server.people.add("anna", "viewer")) as client:
        assert (await client.get(f"/api/v1/system/quality/{code}")).status_code in (400, 404)


def test_the_routes_are_all_there():
    assert len(api.ROUTES) == len(set(api.ROUTES)) == 10
