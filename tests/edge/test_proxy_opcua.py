"""The OPC UA proxy between foreign clients (node-opcua, asyncua) and a foreign server that counts what it is told."""

import asyncio
import json
import os
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.home import Home
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.commands.part import CommandsPart
from lineshaft.edge.guard.part import GuardPart
from lineshaft.edge.model import GatewayConfig, ScanGroup, WriteRules
from lineshaft.edge.parts import Surroundings, check_document
from lineshaft.edge.proxies.opcua.mirror import mirror
from lineshaft.edge.proxies.opcua.part import OpcUaProxyPart

PEERS = Path(__file__).parents[1] / "peers"
NS = "nsu=urn:lineshaft:test:peer"
DENIED, MISMATCH, OUT_OF_RANGE = 0x801F0000, 0x80740000, 0x803C0000
POLICY = f"""
@id("panel")
permit (principal, action == Action::"opcua.write", resource == Device::"press")
when {{ principal.name == "operator" && principal.foreign && context.node == "{NS};s=Double" &&
       context.minimum >= 0 && context.maximum <= 2000000000 }};
@id("recipes")
permit (principal, action == Action::"opcua.write", resource == Device::"press")
when {{ ["{NS};s=String", "{NS};s=Int32", "{NS};s=Pressure"].contains(context.node) }};
"""


class Recorder:
    def __init__(self):
        self.noted = []

    async def note(self, facts):
        json.dumps(facts)
        self.noted.append(facts)

    def of(self, action):
        return [facts for facts in self.noted if facts["action"] == action]


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
def document(clients):
    return {"port": 0, "device": "press", "users": ["plant"], "clients": [clients["scada"].own.fingerprint]}


class Proxy:
    def __init__(self, home, tools):
        self.runners = {}
        here = Surroundings(
            context=SimpleNamespace(home=home), gateway="gateway", bus=None, tools=tools, runner=self.runners.get,
            part=lambda name: {"guard": self.guard, "commands": self.commands}[name],
        )  # fmt: skip
        self.guard, self.commands = GuardPart(here), CommandsPart(here)
        self.guard.recorder = self.audit = Recorder()
        self.part = OpcUaProxyPart(here)

    async def apply(self, document, *devices, policy="", **guard):
        config = GatewayConfig(gateway="gateway", version=1, created="", devices=devices)
        await self.guard.apply({"policy": policy, **guard} if policy or guard else None, config)
        await self.part.apply(document, config)

    @property
    def url(self):
        return f"opc.tcp://127.0.0.1:{self.part.status()['port']}"

    async def close(self):
        await self.part.close()
        await self.guard.close()


@pytest.fixture
async def proxy(tmp_path, tools):
    made = Proxy(Home(tmp_path / "home"), tools)
    yield made
    await made.close()


POINTS = (
    ("double", f"{NS};s=Double", "number", "read-write", WriteRules(maximum=1000.0)),
    ("pressure", f"{NS};s=Pressure", "number", "read", None),
    ("int32", f"{NS};s=Int32", "integer", "read-write", WriteRules(classification="A")),
    ("string", f"{NS};s=String", "text", "read-write", None),
    ("spare", "ns=1;s=Spare1", "number", "read-write", None),
)
NODES = ["ns=2;s=Double", "ns=2;s=Pressure", "ns=2;s=Int32", "ns=2;s=String", "ns=1;s=Spare1"]


@pytest.fixture
async def plant(proxy, document, serve, tmp_path, run, trust, make_device, until, tools):
    """A foreign server, the gateway's device on it with values that came, and the proxy before both."""
    peer = serve(tmp_path / "own", items=5)
    await trust(peer.url)
    device = make_device(peer.url, [point[:3] for point in POINTS], group=ScanGroup(mode="subscribe", period_ms=100))
    pairs = zip(device.points, POINTS, strict=True)
    device = replace(device, points=tuple(replace(point, access=row[3], write=row[4]) for point, row in pairs))
    runner = proxy.runners["press"] = await run(device)
    await until(lambda: all(tools.board.get(f"press/{point.name}") for point in device.points))
    await proxy.apply(document, device, policy=POLICY)
    for node in ("Double", "Pressure", "Int32", "String", "Spare1"):
        peer.ask("watch", node=f"ns=1;s={node}")

    def told():
        return [value for _, value in peer.ask("writes")["writes"]]

    return SimpleNamespace(peer=peer, device=device, runner=runner, told=told)


@pytest.fixture
def node_opcua(clients, node_modules, tmp_path, proxy):
    """Run the foreign client once; its messages."""

    async def run(who="scada", **options):
        own = clients[who]
        given = {
            "url": proxy.url, "folder": str(tmp_path), "certificate": str(own.pem), "key": str(own.own.private_key),
            "applicationUri": own.own.application_uri, "user": "operator", "password": "right", **options,
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


def write(node, kind, value):
    return {"node": node, "type": kind, "value": value}


@pytest.mark.peer("node", "npm")
async def test_node_opcua_reads_writes_what_it_may_and_is_refused_the_rest(plant, proxy, node_opcua, clients):
    writes = [
        write(NODES[0], "Double", 12.5), write(NODES[0], "Float", 1.5), write(NODES[0], "Int32", 7),
        write(NODES[0], "Double", -1), write(NODES[0], "Double", 1500), write(NODES[0], "String", "7"),
        write(NODES[1], "Double", 1), write(NODES[2], "Int32", 1), write(NODES[3], "String", "A-113 停"),
        write(NODES[4], "Double", 1), write("ns=2;s=Float", "Float", 1), write("i=2255", "String", "x"),
    ]  # fmt: skip
    said = await node_opcua(nodes=NODES, writes=writes, call={"object": "i=2253", "method": "i=11492"})
    assert [each["value"] for each in said["read"]] == [0.1, 2700, [2**32 - 1, 2**32 - 2_000_000_000], "läuft 运行", 1]
    assert said["written"] == [0, 0, 0, DENIED, OUT_OF_RANGE, MISMATCH, DENIED, DENIED, 0, DENIED, DENIED, DENIED]
    assert said["called"] == DENIED
    assert plant.told() == [12.5, 1.5, 7, "A-113 停"]
    assert (proxy.part.status()["passed"], proxy.part.status()["refused"]) == (4, 8)
    await proxy.close()
    passed = {facts["node"]: facts for facts in proxy.audit.of("guard.passed")}
    double = passed[f"{NS};s=Double"]
    assert (double["count"], double["minimum"], double["maximum"]) == (3, 1_500_000, 12_500_000)
    assert (double["principal"], double["name"], double["address"], double["rules"], double["points"]) == (
        clients["scada"].own.fingerprint, "operator", "127.0.0.1", ["panel"], ["double"]
    )  # fmt: skip
    assert passed[f"{NS};s=String"]["rules"] == ["recipes"]
    reasons = {(facts["function"], facts["reason"]) for facts in proxy.audit.of("guard.denied")}
    assert ("write", "no rule permits it") in reasons
    assert ("call", "no rule permits it") in reasons
    assert ("write", "only whole values of points are written") in reasons
    assert any("class A" in reason for _, reason in reasons)


@pytest.mark.peer("node", "npm")
async def test_only_named_clients_and_users_get_in(plant, node_opcua):
    for wrong in ({"who": "stranger"}, {"password": "wrong"}, {"user": ""}, {"certificate": ""}):
        assert "read" not in await node_opcua(nodes=NODES, **wrong), wrong


@pytest.mark.peer("node", "npm")
async def test_asyncua_follows_a_value_that_it_wrote(plant, proxy, clients):
    own = clients["scada"].own
    client = Client(proxy.url, timeout=60)
    client.application_uri = own.application_uri
    client.set_user("operator")
    client.set_password("right")
    await client.set_security(SecurityPolicyBasic256Sha256, str(own.certificate), str(own.private_key))
    async with client:
        index = await client.get_namespace_index("urn:lineshaft:test:peer")
        node = client.get_node(ua.NodeId("Double", index))
        seen = asyncio.Queue()
        handler = SimpleNamespace(datachange_notification=lambda _node, value, _data: seen.put_nowait(value))
        subscription = await client.create_subscription(50, handler)
        await subscription.subscribe_data_change(node)
        assert await asyncio.wait_for(seen.get(), 60) == 0.1
        await node.write_value(44.5, ua.VariantType.Double)
        assert await asyncio.wait_for(seen.get(), 60) == 44.5
        with pytest.raises(ua.UaStatusCodeError) as refused:
            await node.write_value(float("nan"), ua.VariantType.Double)
        assert refused.value.code == DENIED
        with pytest.raises(ua.UaStatusCodeError) as refused:
            await client.nodes.objects.add_folder(index, "mine")
        assert refused.value.code == DENIED
    assert plant.told() == [44.5]


@pytest.mark.peer("node", "npm")
async def test_reads_need_a_rule_where_the_guard_closes_them(plant, proxy, document, node_opcua):
    await proxy.apply(document, plant.device, policy=POLICY, reads="closed")
    said = await node_opcua(nodes=[NODES[0], "i=2258"])
    assert [each["status"] for each in said["read"]] == [DENIED, 0]


@pytest.mark.peer("node", "npm")
async def test_what_the_device_refuses_or_cannot_hear_is_told_with_its_status(plant, proxy, node_opcua):
    plant.peer.ask("protect", node="ns=1;s=Double")
    said = await node_opcua(nodes=NODES, writes=[write(NODES[0], "Double", 1)])
    assert said["written"] == [DENIED]
    await plant.runner.stop()
    del proxy.runners["press"]
    said = await node_opcua(nodes=NODES, writes=[write(NODES[0], "Double", 1)])
    assert said["written"] == [quality.BAD_NO_COMMUNICATION]
    assert plant.told() == []


def test_nodes_have_the_devices_ids_and_the_standards_own_are_left_out(make_device):
    points = [("a", "ns=3;i=7"), ("b", "nsu=urn:x;s=B"), ("c", "i=2258"), ("d", "ns=3;i=7"), ("e", "ns=60000;s=E")]
    found = mirror(make_device("opc.tcp://h", points))
    assert list(found.namespaces) == ["urn:lineshaft:device:press:ns2", "urn:lineshaft:device:press:ns3", "urn:x"]
    assert found.nodes == {ua.NodeId(7, 3): 0, ua.NodeId("B", 4): 1}
    assert found.left_out == ["c", "d", "e"]


async def test_what_cannot_be_opened_is_said(proxy, document, make_device):
    device = make_device("opc.tcp://h", [("a", "ns=2;s=A")])
    with pytest.raises(InvalidInput, match="no device of this name"):
        await proxy.apply({**document, "device": "other"}, device)
    with pytest.raises(InvalidInput, match="not opcua"):
        await proxy.apply(document, replace(device, driver="modbus"))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable, match=str(port)):
            await proxy.apply({**document, "port": port}, device)
    assert not proxy.part.checks()[0].ok
    await proxy.apply(document, device)
    assert proxy.part.checks()[0].ok
    await proxy.apply(None, device)
    assert proxy.part.checks() == []
    assert proxy.part.status() == {}


@pytest.mark.parametrize(
    "change",
    [{"users": []}, {"clients": []}, {"clients": ["abc"]}, {"port": 70000}, {"device": "No Such"}, {"guard": "off"}],
)
def test_documents_that_cannot_be_are_refused(document, change):
    with pytest.raises(InvalidInput):
        check_document("opcua_proxy", {**document, **change})
    check_document("opcua_proxy", document)
