"""A foreign OPC UA client (node-opcua) reads and follows the plant, and is refused like any other."""

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec
import pytest
from asyncua import ua

from lineshaft.demo.model import Scan
from lineshaft.demo.plant import BAD_OUT_OF_SERVICE, GOOD
from lineshaft.edge.testing import install_peers

pytestmark = pytest.mark.peer("node", "npm")

PEERS = Path(__file__).parents[1] / "peers"
NODES = ["ns=2;s=XMEAS_01", "ns=2;s=XMEAS_41", "ns=2;s=XMV_12"]
MOMENT = 1_800_000_000_123_000
"""To the millisecond, as JavaScript has it."""
on_the_servers_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def peer(certificates, tmp_path_factory):
    """Run the client once; its messages."""
    modules = install_peers(PEERS)

    async def run(server, *, who="gateway", **options):
        own = certificates[who]
        given = {
            "url": server.url, "folder": str(tmp_path_factory.mktemp("peer")), "certificate": str(own.pem),
            "key": str(own.key), "applicationUri": own.uri, "user": "gateway",
            "password": "correct horse battery staple", "nodes": NODES, **options,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            "node", str(PEERS / "opcua_client.js"), msgspec.json.encode(given).decode(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "NODE_PATH": str(modules)},
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        # The library's own log lines stand between ours.
        lines = [msgspec.json.decode(line) for line in output.splitlines() if line.startswith(b"{")]
        return {key: value for line in lines for key, value in line.items()}

    return run


@contextlib.asynccontextmanager
async def scanning(server):
    """Publish scans in which every value counts up, ten times a second."""

    async def scan():
        for number in range(10_000):
            await server.publish(Scan(MOMENT, GOOD, [number + index / 7 for index in range(53)]))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(scan())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@on_the_servers_loop
async def test_a_foreign_client_reads_the_exact_values_and_follows_every_change(server, peer):
    async with scanning(server):
        said = await peer(server, follow=5)
    first, last, valve = said["read"]
    assert (last["value"], valve["value"]) == (first["value"] + 40 / 7, first["value"] + 52 / 7)
    assert {each["status"] for each in said["read"]} == {GOOD}
    assert {each["source"] for each in said["read"]} == {"2027-01-15T08:00:00.123Z"}
    start = said["followed"][0]
    assert said["followed"] == [start + count for count in range(5)]


@on_the_servers_loop
async def test_a_foreign_client_sees_a_tripped_plant(server, peer):
    await server.publish(Scan(MOMENT, BAD_OUT_OF_SERVICE, None))
    said = await peer(server)
    assert {each["status"] for each in said["read"]} == {int(ua.StatusCodes.BadOutOfService)}
    assert {each.get("value") for each in said["read"]} == {None}


@on_the_servers_loop
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"password": "wrong"}, "BadUserAccessDenied"),
        ({"password": ""}, "BadUserAccessDenied"),
        ({"user": "admin"}, "BadUserAccessDenied"),
        ({"user": ""}, "Cannot find ANONYMOUS"),  # the server offers no such identity …
        ({"certificate": "", "key": ""}, "End point must exist"),  # … and no unencrypted endpoint
        ({"who": "stranger"}, "rejected by server"),
    ],
)
async def test_a_foreign_client_without_the_right_papers_is_refused(server, peer, options, reason):
    said = await peer(server, **options)
    assert reason in said.get("refused", said)
