"""Devices to test against: a foreign OPC UA server (node-opcua), one on asyncua for the fine cases, and a lane to look into."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Tools, find_driver
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.runner import DeviceRunner
from lineshaft.edge.secrets import Secret, Secrets
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.testing import foreign_server, install_peers

PEERS = Path(__file__).parent.parent / "peers"


class RecordingLane:
    """Keeps what an intake sends on, as Python values."""

    def __init__(self):
        self.rows = []
        self.gaps = []

    def append(self, columns, tags):
        self.rows += [(int(tag), *row[1:]) for tag, row in zip(tags, columns, strict=True)]

    def gap(self, gap):
        self.gaps.append(gap)

    def of(self, tag):
        """(ts, q, value) of one tag."""
        return [(ts, q, value) for number, ts, _, q, value in self.rows if number == tag]


@pytest.fixture
def lane():
    return RecordingLane()


@pytest.fixture
def tools(tmp_path):
    folder = tmp_path / "edge"
    secrets = Secrets(folder / "secrets")
    secrets.keep("plant", Secret(user="operator", password="right"))
    return Tools(
        certificates=ApplicationCertificates(folder / "certificates", "gateway"), secrets=secrets, log=logs.get("edge")
    )


@pytest.fixture(scope="session")
def node_modules():
    return install_peers(PEERS)


@pytest.fixture(scope="session")
def serve(node_modules):
    """Start foreign servers for the rest of the session, or until stopped."""
    with contextlib.ExitStack() as stack:

        def start(folder, **options):
            folder.mkdir(parents=True, exist_ok=True)
            options = {"password": "right", **options}
            return stack.enter_context(foreign_server(PEERS / "opcua_server.js", node_modules, folder, **options))

        yield start


@pytest.fixture(scope="session")
def peer(serve, tmp_path_factory):
    """The foreign server that most tests share: a thousand items, keys that live two seconds."""
    return serve(tmp_path_factory.mktemp("peer"), items=1000, hz=20, tokenLifetime=2000)


@pytest.fixture(scope="session")
def strict_peer(serve, tmp_path_factory):
    """A foreign server that knows nobody's certificate and signs without encrypting."""
    options = {"policies": ["Basic256Sha256"], "modes": ["Sign"], "trustAll": False}
    return serve(tmp_path_factory.mktemp("strict"), **options)


@pytest.fixture
def until():
    """Wait for a condition, with a deadline: `await until(lambda: …)`."""

    async def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "the condition did not come true in time"
            await asyncio.sleep(0.01)
        return result

    return wait


@pytest.fixture
def make_device():
    """A device on an OPC UA server; points by name and node, their tags numbered from 1."""

    def make(endpoint, points=(), *, group=None, **options):
        kinds = {name: kind for name, _, kind in ((*point, "number")[:3] for point in points)}
        return Device(
            name="press", path="acme/north/hall/line/cell/press", driver="opcua", endpoint=endpoint,
            options={"secret": "plant", **options}, groups=(group or ScanGroup(period_ms=100),),
            points=tuple(
                Point(name=point[0], address=point[1], kind=kinds[point[0]], tag=number)
                for number, point in enumerate(points, start=1)
            ),
        )  # fmt: skip

    return make


@pytest.fixture
def trust(tools, make_device):
    """Trust a server's certificate as somebody does who has compared the fingerprint."""

    async def give(url):
        error = await refusal_of(make_device(url), tools)
        assert error.code == "edge.server_untrusted"
        return tools.certificates.trust_rejected(error.facts["fingerprint"])

    return give


async def refusal_of(device, tools):
    """Why a device cannot be opened; None where it can."""
    driver = find_driver("opcua")
    source = driver.source(driver.plan(device), tools)
    try:
        await source.open()
    except LineshaftError as error:
        return error
    finally:
        await source.close()
    return None


@pytest.fixture
def refusal():
    return refusal_of


@pytest.fixture
async def run(lane, tools, until):
    """Run a device until the test ends; gives its runner once connected."""
    runners = []

    async def start(device, *, connected=True):
        runner = DeviceRunner(device, lane, tools, EdgeSettings(retry_seconds=0.05, retry_most_seconds=0.2))
        runners.append(runner)
        runner.start()
        if connected:
            await until(lambda: runner.status().state == "connected")
        return runner

    yield start
    for runner in runners:
        await runner.stop()


@pytest.fixture
def rows_of():
    """Columns from (key, ts, arrival, q, kind, value) tuples."""

    def make(*rows):
        columns = Columns(max(len(rows), 1))
        for key, ts, arrival, q, kind, value in rows:
            columns.add(key, ts, arrival, q, kind, value)
        return columns

    return make
