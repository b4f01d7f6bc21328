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
    """The foreign server that most tests share: a thousand items."""
    return serve(tmp_path_factory.mktemp("peer"), items=1000, hz=10)


@pytest.fixture(scope="session")
def strict_peer(serve, tmp_path_factory):
    """A foreign server that knows nobody's certificate and does not encrypt: it signs, or not even that."""
    options = {"policies": ["Basic256Sha256", "None"], "modes": ["Sign", "None"], "trustAll": False}
    return serve(tmp_path_factory.mktemp("strict"), **options)


@pytest.fixture
def until():
    """Waits for a condition, with a deadline, as in `await until(lambda: …)`."""

    async def wait(condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "the condition did not come true in time"
            await asyncio.sleep(0.01)
        return result

    return wait


@pytest.fixture
def until_async():
    """The same for what has to be asked for; gives the answer that satisfied."""

    async def wait(ask, condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not condition(answer := await ask()):
            assert time.monotonic() < deadline, "the condition did not come true in time"
            await asyncio.sleep(0.05)
        return answer

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
def counting(peer):
    """Have the peer count until the block ends; then `ticks` is its last number."""

    class Counting:
        ticks = None

        def __enter__(self):
            peer.order("start")
            return self

        def __exit__(self, *_):
            self.ticks = peer.ask("stop")["stopped"]["ticks"]

    return Counting()


class Wire:
    """A TCP connection between two ends that can be cut, and stays cut until mended."""

    def __init__(self, target):
        self._target = target
        self._tasks = set()
        self._writers = []
        self._server = None
        self._cut = False

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"opc.tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self):
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self):
        self._cut = False

    async def _connect(self, reader, writer):
        if self._cut:
            writer.transport.abort()
            return
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # nobody listens there now
            writer.transport.abort()
            return
        self._writers += [writer, other_writer]
        if self._cut:  # meanwhile
            self.cut()
            return
        for source, sink in ((reader, other_writer), (other_reader, writer)):
            self._tasks.add(asyncio.create_task(self._pump(source, sink)))

    async def _pump(self, source, sink):
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()


@pytest.fixture
async def wire():
    """Put a wire that can be cut before a port."""
    async with contextlib.AsyncExitStack() as stack:
        yield lambda port: stack.enter_async_context(Wire(port))


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
