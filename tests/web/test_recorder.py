"""What is changed and commanded over HTTP stands in the audit trail, and without the trail nothing is."""

import hashlib

import pytest
from litestar import get, post
from litestar.params import JSONBody

from lineshaft.access import recording
from lineshaft.core import clock
from lineshaft.core.errors import Conflict
from lineshaft.records import faults

CARRIED_OUT = []
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@get("/look", opt={"action": "history:read"})
async def look() -> str:
    return "seen"


@post("/change", opt={"action": "edge:configure"})
async def change(data: JSONBody[dict[str, int]]) -> dict[str, int]:
    CARRIED_OUT.append(data)
    return data


@post("/refuse", opt={"action": "edge:configure"})
async def refuse() -> None:
    raise Conflict("a.b", "not now")


@post("/command", opt={"action": "demo:control"})
async def command() -> str:
    CARRIED_OUT.append("command")
    return "moved"


@pytest.fixture(autouse=True)
def nothing_done():
    CARRIED_OUT.clear()


@pytest.fixture
async def server(serve):
    async with serve(look, change, refuse, command) as served:
        yield served


@pytest.fixture
def ada(server):
    return server.people.add("ada", "administrator")


async def trail(server):
    return [entry for entry in reversed(await server.access.entries(limit=100)) if entry.action != "access:denials"]


async def test_a_change_is_recorded_with_its_input_and_trace_before_the_caller_hears_of_it(server, ada):
    body = b'{"x":1}'
    async with server.client(ada) as client:
        headers = {"content-type": "application/json", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        answer = await client.post("/change?why=so", content=body, headers=headers)
    assert answer.status_code == 201
    (entry,) = await trail(server)
    assert (entry.principal, entry.action, entry.resource) == (ada.id, "edge:configure", "/change")
    assert (entry.outcome, entry.kind, entry.facts["status"]) == ("done", "change", 201)
    assert entry.decision
    assert entry.trace == TRACE
    assert entry.input_digest == hashlib.sha256(b"POST why=so\n" + body).hexdigest()


async def test_a_refused_change_is_recorded_too(server, ada):
    async with server.client(ada) as client:
        assert (await client.post("/refuse")).status_code == 409
    (entry,) = await trail(server)
    assert (entry.outcome, entry.facts["status"]) == ("refused", 409)


async def test_reading_is_not_recorded(server, ada):
    async with server.client(ada) as client:
        assert (await client.get("/look")).status_code == 200
    assert await trail(server) == []


async def test_a_command_is_recorded_before_and_after(server, ada):
    async with server.client(ada) as client:
        assert (await client.post("/command")).status_code == 201
    asked, done = await trail(server)
    assert (asked.outcome, done.outcome) == ("asked", "done")
    assert asked.kind == done.kind == "command"
    assert asked.trace == done.trace != ""
    assert asked.decision == done.decision


async def test_a_command_that_cannot_be_recorded_is_not_carried_out(server, ada, monkeypatch):
    async def full(_):
        raise faults.disk_full("records.db", "no space left on device")

    monkeypatch.setattr(server.access, "note", full)
    async with server.client(ada) as client:
        answer = await client.post("/command")
    assert answer.status_code == 503
    assert CARRIED_OUT == []


async def test_while_the_trail_does_not_reach_the_ledger_changes_stop_and_reading_goes_on(server, ada, monkeypatch):
    now = clock.monotonic()
    async with server.client(ada) as client:
        assert (await client.post("/change", json={"x": 1})).status_code == 201
        # No access service runs here, so nothing takes the entry to a ledger.
        assert (await client.post("/change", json={"x": 2})).status_code == 201
        monkeypatch.setattr(recording.clock, "monotonic", lambda: now + recording.STALLED_SECONDS / 2)
        assert (await client.post("/change", json={"x": 3})).status_code == 201
        monkeypatch.setattr(recording.clock, "monotonic", lambda: now + 3 * recording.STALLED_SECONDS)
        refused = await client.post("/change", json={"x": 4})
        assert (refused.status_code, refused.json()["code"]) == (503, "access.audit_stalled")
        assert (await client.post("/command")).status_code == 503
        assert (await client.get("/look")).status_code == 200
    assert [data["x"] for data in CARRIED_OUT] == [1, 2, 3]
