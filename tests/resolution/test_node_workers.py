"""A node's processes: several on one port, started again when they die, losing nothing that was acknowledged."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys

import msgspec
import pytest

from lineshaft.bus.server import free_port
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.core.home import Home
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import Client, Roots, parse_address
from lineshaft.resolution.messages import ChangeValues, Login, Resolve
from lineshaft.resolution.service import ResolutionService, node_config
from lineshaft.resolution.serving import NodeConfig
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.store import open_store
from lineshaft.resolution.testing import ADMIN, RECORDS, Udp, admin, connected, put, request, until, value
from lineshaft.resolution.tree import ENTERPRISES, PRODUCT, Tree
from lineshaft.resolution.workers import Pool

OK = codes.RC_SUCCESS
DEADLINE = 60


def resolve(handle=b"88.1/ITEM"):
    return request(codes.OC_RESOLUTION, Resolve(handle), flags=codes.PUBLIC_ONLY)


@pytest.fixture
def folder(tmp_path):
    store = open_store("lmdb", tmp_path / "records")
    put(store, RECORDS)
    store.close()
    return tmp_path / "records"


@contextlib.asynccontextmanager
async def pool_of(folder, count=2):
    config = NodeConfig(
        hosts=["127.0.0.1"], port=free_port("127.0.0.1"), folder=str(folder), prefixes=["88.1"],
    )  # fmt: skip
    pool = Pool(config, count)
    await pool.start()
    try:
        yield pool, config.port
    finally:
        await pool.stop()


async def test_a_worker_that_is_killed_comes_again_and_nothing_acknowledged_is_lost(folder):
    acknowledged = []
    async with pool_of(folder) as (pool, port):
        assert len(set(pool.pids)) == 2
        killed = False
        while len(acknowledged) < 60:
            with contextlib.suppress(AssertionError, OSError, LineshaftError):
                async with connected(port) as client:
                    login = await client.prove(request(codes.OC_LOGIN, Login(ADMIN, 300)))
                    assert login.header.response_code == OK
                    while len(acknowledged) < 60:
                        handle = b"88.1/ACK-%d" % len(acknowledged)
                        values = (value(1, handle), admin())
                        data = await client.ask_bytes(request(codes.OC_CREATE_HANDLE, ChangeValues(handle, values)))
                        if not data:
                            break
                        if data[24:28] in {OK.to_bytes(4), codes.RC_HANDLE_EXISTS.to_bytes(4)}:
                            acknowledged.append(handle)
                        if len(acknowledged) == 20 and not killed:
                            killed = True
                            for pid in filter(None, pool.pids):  # 0 would be this process and all beside it
                                os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.alive == 2 and pool.restarts >= 2)
        for handle in acknowledged:
            async with connected(port) as client:  # whichever process takes it
                assert (await client.ask(resolve(handle))).header.response_code == OK
        with Udp(port) as datagrams:
            assert (await datagrams.ask(resolve())).header.response_code == OK
        await until(lambda: pool.counts().tcp >= 60 and pool.counts().udp >= 1)
    assert pool.alive == 0
    store = open_store("lmdb", folder)
    assert all(store.get(handle) is not None for handle in acknowledged)
    store.close()


async def test_a_node_whose_port_is_taken_says_so(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = NodeConfig(hosts=["127.0.0.1"], port=taken.getsockname()[1], folder=str(folder))
        with pytest.raises(Unavailable) as refused:
            await Pool(config, 2).start()
    assert "cannot listen on port" in refused.value.message


def settings_of(**given):
    flags = {f"resolution.{name}": text for name, text in given.items()}
    return Settings.load([ResolutionSettings], flags=flags, environment={})


async def test_the_service_runs_the_node_of_the_settings_and_adds_up_its_counters(tmp_path):
    from prometheus_client import REGISTRY

    home = Home(tmp_path / "home")
    home.prepare()
    port = free_port("127.0.0.1")
    settings = settings_of(
        roles='["enterprise"]', prefixes='["88.1"]', port=str(port), workers="2", operators='["300:88.1/ADMIN"]',
        key_type="ed25519",
    )  # fmt: skip
    service = ResolutionService(Context(home, settings))
    before = REGISTRY.get_sample_value("lineshaft_resolution_total", {"what": "missing"}) or 0
    await service.start()
    try:
        with Udp(port) as datagrams:
            answer = await datagrams.ask(resolve())
            assert answer.header.response_code == codes.RC_HANDLE_NOT_FOUND
        await until(lambda: REGISTRY.get_sample_value("lineshaft_resolution_total", {"what": "missing"}) == before + 1)
        workers, enumeration = await service.checks()
        assert workers.ok
        assert "1 not found" in workers.detail
        assert enumeration.ok
    finally:
        await service.stop()
    key = home.keys / "resolution.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert keys.encode_public_key(keys.public_key_of(keys.load_private_key(key.read_text())))
    assert node_config(settings.of(ResolutionSettings), home).key == key.read_text()


def test_settings_that_do_not_go_together_are_refused(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "site.json").write_text("no JSON")
    for given, code in [
        ({"store": "rocksdb", "workers": "2"}, "resolution.one_worker_only"),
        ({"site_file": str(tmp_path / "site.json")}, "resolution.site_file"),
        ({"key_file": str(tmp_path / "none.pem")}, "resolution.setting_file_unreadable"),
    ]:
        with pytest.raises(LineshaftError) as refused:
            node_config(settings_of(**given).of(ResolutionSettings), home)
        assert refused.value.code == code
    for wrong in ({"roles": '["king"]'}, {"workers": "0"}, {"hosts": "[]"}, {"port": "70000"}):
        with pytest.raises(InvalidInput):
            settings_of(**wrong)


async def test_a_recursive_node_without_roots_says_what_it_needs(tmp_path):
    config = NodeConfig(hosts=["127.0.0.1"], folder=str(tmp_path), recursive=True)
    with pytest.raises(Unavailable) as refused:
        await Pool(config, 1).start()
    assert "where resolution starts" in refused.value.message


async def test_a_tree_is_up_in_seconds_and_any_product_resolves_through_its_recursive_nodes(tmp_path):
    tree = Tree(tmp_path / "tree", store="memory")
    await tree.start()
    try:
        assert [branch.role for branch in tree.branches] == [
            "top", "second-level", "second-level", *["enterprise"] * 4, "recursive", "recursive",
        ]  # fmt: skip
        for branch in tree.branches[-2:]:
            async with Client(Roots(), at=parse_address(branch.address)) as client:
                for prefix in ENTERPRISES:
                    found = await client.resolve(f"{prefix}/{PRODUCT}".encode())
                    assert found.values[0].data.endswith(f"{prefix}.example/{PRODUCT}".encode())
                    assert not found.flags & codes.AUTHORITATIVE
        top = tree.branches[0]
        with Udp(int(top.address.rpartition(":")[2])) as datagrams:
            for handle, code in [
                (b"0.NA/88.100.1", codes.RC_PREFIX_REFERRAL), (b"0.NA/88.300.1", codes.RC_HANDLE_NOT_FOUND),
                (b"88.100/X", codes.RC_SERVICE_REFERRAL), (b"88.100.1/HELLO", codes.RC_PREFIX_REFERRAL),
            ]:  # fmt: skip
                assert (await datagrams.ask(resolve(handle))).header.response_code == code, handle
        assert tree.secrets_file.stat().st_mode & 0o777 == 0o600
        assert msgspec.json.decode(tree.secrets_file.read_bytes())["300:0.NA/88.100.1"] == tree.secret("88.100.1")
        assert tree.server("enterprise-88.100.1").counts.tcp > 0
    finally:
        await tree.stop()


async def test_the_tree_command_ends_with_ctrl_c(tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from lineshaft.resolution.cli import app; app()", "tree", "--json",
        "--folder", str(tmp_path / "tree"), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            text = b""
            while not text.endswith(b"}\n") or b'"example"' not in text:
                text += await process.stdout.readline()
        told = json.loads(text)
        assert len(told["nodes"]) == 9
        assert told["example"].startswith("lineshaft id resolve 88.100.1/HELLO --server 127.0.0.1:")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() == 0
        assert (tmp_path / "tree" / "secrets.json").exists()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.stdout.read()
