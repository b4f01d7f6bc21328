"""The gateway's own OPC UA server: what a foreign client (node-opcua) sees of it, and whom it refuses."""

import asyncio
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lineshaft.core import quality
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from lineshaft.core.home import Home
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.model import Device, GatewayConfig, Point
from lineshaft.edge.opcua_server.document import read_document
from lineshaft.edge.opcua_server.guarded import NamedUsers
from lineshaft.edge.opcua_server.part import OpcUaServerPart
from lineshaft.edge.opcua_server.recent import Recent
from lineshaft.edge.parts import Surroundings, check_document
from lineshaft.edge.secrets import Secret

PEERS = Path(__file__).parents[1] / "peers"
MOMENT = 1_700_000_000_123_000
"""To the millisecond, as JavaScript has it."""
PATH = "acme/east/hall/line/cell/press"
PRESS = Device(
    name="press", path=PATH, driver="opcua", endpoint="opc.tcp://h:1", description="The big one",
    points=(
        Point(name="torque", address="a", unit="N·m", low=0.0, high=50.0),
        Point(name="count", address="a", kind="integer"),
        Point(name="on", address="a", kind="boolean"),
        Point(name="recipe", address="a", kind="text"),
    ),
)  # fmt: skip
needs_node = pytest.mark.peer("node", "npm")


def configuration(*devices, version=1):
    return GatewayConfig(gateway="gateway", version=version, created="", devices=devices)


@pytest.fixture
def clients(tmp_path):
    """Certificates of a client that is let in and of a stranger, as its files."""
    made = {}
    for name in ("scada", "stranger"):
        own = ApplicationCertificates(tmp_path / name, name, ("127.0.0.1",)).own()
        pem = tmp_path / f"{name}.pem"
        pem.write_bytes(x509.load_der_x509_certificate(own.certificate.read_bytes()).public_bytes(Encoding.PEM))
        made[name] = SimpleNamespace(own=own, pem=pem)
    return made


@pytest.fixture
async def part(tmp_path, tools):
    home = Home(tmp_path / "home")
    here = Surroundings(
        context=SimpleNamespace(home=home), gateway="gateway", bus=None, tools=tools, runner=lambda _: None,
        part=lambda _: None,
    )  # fmt: skip
    made = OpcUaServerPart(here)
    yield made
    await made.close()


@pytest.fixture
def document(clients):
    return {"port": 0, "users": ["plant"], "clients": [clients["scada"].own.fingerprint]}


@pytest.fixture
def tell(tools):
    def put(point, value, ts=MOMENT, q=0):
        kinds = {float: NUMBER, int: INTEGER, bool: BOOLEAN, str: TEXT}
        columns = Columns(1)
        columns.add(0, ts, ts + 5000, q, kinds[type(value)], value)
        tools.board.take(tools.board.slots([f"press/{point}"]), columns)

    return put


@pytest.fixture
def client(clients, node_modules, tmp_path):
    """Run the foreign client once; its messages."""

    async def run(part, who="scada", **options):
        own = clients[who]
        given = {
            "url": f"opc.tcp://127.0.0.1:{part.status()['port']}", "folder": str(tmp_path), "certificate": str(own.pem),
            "key": str(own.own.private_key), "applicationUri": own.own.application_uri, "user": "operator",
            "password": "right", "nodes": [f"ns=2;s={PATH}/{point.name}" for point in PRESS.points], **options,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            "node", str(PEERS / "opcua_client.js"), msgspec.json.encode(given).decode(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "NODE_PATH": str(node_modules)},
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        lines = [msgspec.json.decode(line) for line in output.splitlines() if line.startswith(b"{")]
        return {key: value for line in lines for key, value in line.items()}

    return run


def moment(us):
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@needs_node
async def test_a_foreign_client_sees_value_status_time_and_what_was(part, document, tell, client):
    await part.apply(document, configuration(PRESS))
    for second in range(5):
        tell("torque", 10.5 + second, MOMENT + second * 1_000_000)
    tell("torque", 3.25, MOMENT + 9_000_000, quality.UNCERTAIN)
    tell("count", 7)
    tell("on", True)
    tell("recipe", "A-113")
    said = await client(part, history=True)
    assert said["read"][0] == {"value": 3.25, "status": quality.UNCERTAIN, "source": moment(MOMENT + 9_000_000)}
    assert [each["status"] for each in said["read"][1:]] == [0, 0, 0]
    assert [each["value"] for each in said["read"][2:]] == [True, "A-113"]
    torque = said["history"][0]
    assert [each["value"] for each in torque] == [10.5, 11.5, 12.5, 13.5, 14.5, 3.25]
    assert torque[0]["source"] == moment(MOMENT)
    assert torque[-1]["status"] == quality.UNCERTAIN


@needs_node
async def test_a_point_without_a_value_waits_and_a_lost_one_says_so(part, document, tell, client):
    await part.apply(document, configuration(PRESS))
    tell("count", 7, q=quality.BAD_NO_COMMUNICATION)
    said = await client(part)
    assert [each["status"] for each in said["read"]] == [
        0x80320000,
        quality.BAD_NO_COMMUNICATION,
        0x80320000,
        0x80320000,
    ]
    assert said["read"][1]["value"] is None


@needs_node
async def test_strangers_wrong_passwords_and_the_anonymous_are_refused(part, document, tell, client, clients):
    await part.apply(document, configuration(PRESS))
    tell("torque", 1.0)
    for wrong in ({"who": "stranger"}, {"password": "wrong"}, {"user": ""}, {"certificate": ""}):
        said = await client(part, **wrong)
        assert "read" not in said, wrong
        assert said["refused"]
    assert [each["fingerprint"] for each in part.status()["refused"]] == [clients["stranger"].own.fingerprint]
    assert "read" in await client(part)


@needs_node
async def test_points_come_and_go_while_clients_stay(part, document, tell, client):
    await part.apply(document, configuration(PRESS))
    port = part.status()["port"]
    fewer = msgspec.structs.replace(PRESS, points=PRESS.points[:1])
    await part.apply(document, configuration(fewer, version=2))
    tell("torque", 2.0)
    said = await client(part)
    assert [each["status"] for each in said["read"]] == [0, 0x80340000, 0x80340000, 0x80340000]
    await part.apply(document, configuration(PRESS, version=3))
    tell("on", True)
    assert (await client(part))["read"][2]["value"] is True
    assert part.status()["port"] == port
    await part.apply({**document, "points": ["press/t*"]}, configuration(PRESS, version=4))
    assert [each["status"] for each in (await client(part))["read"]][1:] == [0x80340000] * 3


async def test_without_a_document_nothing_listens(part, document):
    await part.apply(None, configuration(PRESS))
    assert part.status() == {}
    assert part.checks() == []
    await part.apply(document, configuration(PRESS))
    assert part.checks()[0].ok
    await part.apply(None, configuration(PRESS))
    assert part.status() == {}


async def test_a_missing_secret_and_a_taken_port_are_said(part, document, tools):
    with pytest.raises(NotFound, match="nobody"):
        await part.apply({**document, "users": ["nobody"]}, configuration(PRESS))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable, match=str(port)):
            await part.apply({**document, "port": port}, configuration(PRESS))
        assert not part.checks()[0].ok
    await part.apply(document, configuration(PRESS))
    assert part.checks()[0].ok


@pytest.mark.parametrize(
    "change", [{"users": []}, {"clients": []}, {"clients": ["abc"]}, {"port": 70000}, {"points": "x"}, {"extra": 1}]
)
def test_documents_that_cannot_be_are_refused(document, change):
    with pytest.raises(InvalidInput):
        check_document("opcua_server", {**document, **change})
    check_document("opcua_server", document)
    assert read_document(document).host == "127.0.0.1"


def rows(*samples):
    columns = Columns(len(samples))
    for slot, ts, value in samples:
        columns.add(slot, ts, ts, 0, TEXT if isinstance(value, str) else NUMBER, value)
    return columns


def test_the_ring_forgets_the_oldest_and_orders_by_time():
    recent = Recent(4)
    for sample in [(0, 1, 1.0), (1, 2, "a"), (0, 5, 5.0), (0, 3, 3.0), (0, 4, 4.0)]:
        columns = rows(sample)
        recent.take(columns.key[:1].astype("int64"), columns)
    assert [sample.ts for sample in recent.read(0, 0, 9, 10)] == [3, 4, 5]
    assert [sample.ts for sample in recent.read(0, 0, 9, 2, newest_first=True)] == [5, 4]
    assert [sample.value for sample in recent.read(1, 0, 9, 10)] == ["a"]
    columns = rows(*[(0, 10 + number, float(number)) for number in range(6)])
    recent.take(columns.key[:6].astype("int64"), columns)
    assert [sample.ts for sample in recent.read(0, 0, 99, 10)] == [12, 13, 14, 15]
    assert recent.read(1, 0, 99, 10) == []
    assert len(recent) == 4


def test_of_two_samples_with_one_time_the_last_counts():
    recent = Recent(10)
    columns = rows((0, 1, 1.0), (0, 1, 2.0), (0, 2, 3.0))
    recent.take(columns.key[:3].astype("int64"), columns)
    assert [sample.value for sample in recent.read(0, 0, 9, 10)] == [2.0, 3.0]


async def test_a_certificate_among_the_users_admits_nobody(part, document, tools):
    """Its user and password are empty, and so could be a client's."""
    assert NamedUsers({"": "", "paper": ""}).get_user(None, "", "") is None
    assert NamedUsers({"": "", "paper": ""}).get_user(None, "paper", None) is None
    own = await asyncio.to_thread(tools.certificates.own)
    certificate = ssl.DER_cert_to_PEM_cert(own.certificate.read_bytes())
    tools.secrets.keep("paper", Secret(certificate=certificate, private_key=own.private_key.read_text()))
    with pytest.raises(Conflict) as refused:
        await part.apply({**document, "users": ["paper"]}, configuration(PRESS))
    assert refused.value.code == "edge.secret_without_password"
