"""The nodes that are known, and what each does; and who is told."""

import asyncio
import contextlib
import gzip
import json

import httpx
import msgspec
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.resolution import watch as watch_module
from lineshaft.resolution.client import Client, Patience, read_roots
from lineshaft.resolution.http.load import network_of
from lineshaft.resolution.listeners import Counts
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.testing import answering, whole
from lineshaft.resolution.tree import Tree
from lineshaft.resolution.watch import Watch, requests_of

PATIENT = Patience(udp=(5.0, 10.0, 20.0), connecting=60.0, tcp=60.0, moving=60.0)
PATH = "/api/v1/resolution/status"
SECONDS = 120


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(watch_module, "_WAIT_SECONDS", 60.0)


@pytest.fixture
async def tree(tmp_path):
    grown = Tree(tmp_path / "tree", store="memory")
    await grown.start()
    yield grown
    await grown.stop()


@pytest.fixture
async def watch(tree, tmp_path):
    others = tuple(branch.http for branch in tree.branches if branch.role != "top")
    settings = ResolutionSettings(roots_file=str(tree.roots_file), watch=others)
    looking = Watch(settings, Home(tmp_path / "home"))
    yield looking
    await looking.close()


async def looked(watch, holds):
    """Look until something holds."""
    async with asyncio.timeout(SECONDS):
        while True:
            found = (await watch.look()).items
            if holds(found):
                return found
            await asyncio.sleep(0.1)


async def test_every_node_is_known_by_its_prefixes_and_roles(watch):
    found = await looked(watch, lambda items: all(node.up for node in items))
    roles = {tuple(node.prefixes): node.roles for node in found if node.prefixes}
    assert roles[("0.NA", "88")] == ["top"]
    assert roles[("88.100",)] == ["second-level"]
    assert roles[("88.200.1",)] == ["enterprise"]
    assert [node.known for node in found if node.roles == ["top"]] == ["root"]
    assert sum(node.roles == ["recursive"] for node in found) == 2
    assert all(node.up and len(node.key) == 64 and node.p95_milliseconds is not None for node in found)
    assert all(any(line.startswith("TCP 127.0.0.1:") for line in node.listens) for node in found)


def _rate(items, address):
    load = next(node.load for node in items if node.address == address)
    return None if load is None else load.requests_per_second


async def test_load_follows_what_is_asked(tree, watch):
    await watch.look()
    enterprise, idle = (
        next(branch.http for branch in tree.branches if branch.prefix == prefix) for prefix in ("88.100.1", "88.200.2")
    )

    async def ask():
        async with Client(read_roots(tree.roots_file), patience=PATIENT) as client:
            while True:
                with contextlib.suppress(Refused):  # a machine that stands still for a while answers late
                    await client.resolve(b"88.100.1/HELLO")

    asking = asyncio.create_task(ask())
    try:
        # Two looks apart, busy and idle: the looks themselves do not count.
        await looked(watch, lambda items: (_rate(items, enterprise) or 0) > 0 and _rate(items, idle) == 0)
        assert not asking.done()
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def test_a_recursive_node_tells_how_much_it_had_in_memory(tree, watch):
    branch = next(branch for branch in tree.branches if branch.role == "recursive")
    await watch.look()
    async with httpx.AsyncClient(base_url=branch.http, timeout=60) as client:
        async with asyncio.timeout(SECONDS):
            given = 0
            while given < 20:
                given += (await client.get("/api/handles/88.200.1/HELLO")).status_code == 200
    found = await looked(watch, lambda items: any(
        node.address == branch.http and node.load is not None and node.load.kept > 0 for node in items
    ))  # fmt: skip
    share = next(node.load.cache_share for node in found if node.address == branch.http)
    assert share is not None
    assert 0.5 < share < 1


async def test_a_node_that_is_down_stays_in_the_list_with_the_reason(tree, watch):
    await watch.look()
    branch = next(branch for branch in tree.branches if branch.prefix == "88.200.2")
    server = tree.server(branch.name)
    await server.stop()
    tree._servers.remove(server)  # it is stopped already
    found = await looked(watch, lambda items: any(
        node.address == branch.http and node.up is False and node.load is None for node in items
    ))  # fmt: skip
    assert next(node for node in found if node.address == branch.http).problem


async def test_strangers_are_not_told(tree):
    """As if there were nothing; a request by a proxy does not pass for the machine's own where it is not."""
    server = tree.server("top")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.http_port}", timeout=60) as client:
        told = await client.get(PATH)
        assert (told.status_code, json.loads(told.content)["prefixes"]) == (200, ["0.NA", "88"])
    from lineshaft.resolution.http import make_app

    answers = []

    async def send(event):
        answers.append(event)

    for source, networks, status in (
        ("192.0.2.9", (), 400), ("192.0.2.9", ("192.0.2.0/24",), 200), ("10.1.1.1", ("192.0.2.0/24",), 400),
    ):  # fmt: skip
        app = make_app(server.node, watchers=networks)
        scope = {"type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
                 "headers": [], "client": (source, 1), "scheme": "http"}  # fmt: skip
        answers.clear()
        await app(scope, None, send)
        assert (answers[0]["status"] == 200) == (status == 200), (source, networks, answers)


def test_a_network_that_is_none_is_refused_with_the_setting():
    with pytest.raises(InvalidInput) as refusal:
        network_of("10.0.0.0/8/8")
    assert refusal.value.facts["field"] == "resolution.watchers"


async def test_nothing_configured_is_nothing_known(tmp_path):
    watch = Watch(ResolutionSettings(), Home(tmp_path))
    found = await watch.look()
    await watch.close()
    assert (found.items, found.configured) == ([], False)


def test_requests_are_those_of_every_way():
    class Status:
        counts = Counts(udp=2, tcp=3, http=5, answered=100)

    assert requests_of(Status()) == 10


async def test_of_a_node_without_http_it_is_not_said_that_it_is_down(tmp_path):
    site = {"address": "192.0.2.1", "port": 2641, "fingerprint": "00" * 32}
    (tmp_path / "roots.json").write_text(json.dumps({"sites": [site]}))
    watch = Watch(ResolutionSettings(roots_file=str(tmp_path / "roots.json")), Home(tmp_path))
    (root,) = (await watch.look()).items
    await watch.close()
    assert (root.up, root.known, root.roles, root.listens[-1]) == (None, "root", ["top"], "TCP 192.0.2.1:2641")


# -- nodes that answer as they please -------------------------------------------------------------------------------------

STATUS = {
    "process": "p", "prefixes": ["88.9"], "recursive": False, "records": 1, "kept": 0, "asked": 0, "counts": {}, "site": "",
}  # fmt: skip


async def beside(tree, tmp_path, answer):
    """What is said of a tree's root, and of a stranger that answers so."""
    async with answering(answer) as (port, _):
        stranger = f"http://127.0.0.1:{port}"
        settings = ResolutionSettings(roots_file=str(tree.roots_file), watch=(stranger,))
        watch = Watch(settings, Home(tmp_path / "home"))
        try:
            async with asyncio.timeout(SECONDS):
                items = (await watch.look()).items
        finally:
            await watch.close()
    assert msgspec.json.encode(items)
    return items


@pytest.mark.parametrize(
    "answer",
    [
        whole(json.dumps(STATUS).encode()),  # no site
        whole(b'{"x": ' + b"[" * 100_000),
        whole(json.dumps({**STATUS, "records": 2**70}).encode()),
        whole(gzip.compress(json.dumps(STATUS).encode()), b"content-encoding: gzip"),
        whole(b"no JSON"),
    ],
    ids=["no-site", "deep", "huge-number", "packed", "no-json"],
)
async def test_one_nodes_answer_spoils_nothing_for_the_others(tree, tmp_path, answer):
    root, stranger = await beside(tree, tmp_path, answer)
    assert root.up
    assert (stranger.up, stranger.load) == (False, None)
    assert stranger.problem


async def test_numbers_that_no_sum_can_hold_are_not_believed(tree, tmp_path):
    top = tree.server("top")
    async with httpx.AsyncClient(timeout=60) as client:
        told = (await client.get(f"http://127.0.0.1:{top.http_port}{PATH}")).json()
    for number, up in ((2**53, True), (2**63, False), (-1, False)):
        told["counts"]["udp"] = number
        assert (await beside(tree, tmp_path, whole(json.dumps(told).encode())))[1].up is up


async def test_an_endless_answer_is_read_to_its_bound(tree, tmp_path):
    sent, most = [0], 256 << 20

    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while sent[0] < most:
            writer.write(bytes(1 << 16))
            await writer.drain()
            sent[0] += 1 << 16

    _, stranger = await beside(tree, tmp_path, endless)
    assert (stranger.up, sent[0] < most // 2) == (False, True)


async def test_an_answer_in_drops_ends_in_time(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(watch_module, "_WAIT_SECONDS", 0.5)

    async def drops(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    _, stranger = await beside(tree, tmp_path, drops)
    assert (stranger.up, stranger.problem) == (False, "no answer in time")
