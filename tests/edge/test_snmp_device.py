"""SNMP against a foreign agent: Debian's snmpd (Net-SNMP) with a user of its own, and our simulator against its tools."""

import asyncio
import contextlib
import os
import subprocess
import time

import pytest
from pysnmp.proto.rfc1902 import Integer32

from lineshaft.bus.server import free_port
from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.snmp.manager import Manager, Response, Silent
from lineshaft.edge.drivers.snmp.options import Address, SnmpOptions
from lineshaft.edge.drivers.snmp.simulator import PASSWORD, USER, simulate
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.secrets import Secret
from lineshaft.edge.testing import HoldingRelay

SNMPD = "/usr/sbin/snmpd"
CONFIGURATION = """
agentAddress udp:127.0.0.1:{port}
createUser operator SHA-256 "right-horse" AES "right-battery"
createUser strong SHA-512 "right-horse" AES-256 "right-battery"
rwuser operator priv
rouser strong priv
rwcommunity plant-floor 127.0.0.1
sysName press-7
sysDescr a press
dontLogTCPWrappersConnects yes
"""
UPTIME = {"name": "uptime", "address": "sysUpTime.0", "scale": "0.01"}
NAME = {"name": "name", "address": "1.3.6.1.2.1.1.5.0", "kind": "text"}
PLACE = {"name": "place", "address": "sysLocation.0", "kind": "text", "access": "read-write"}
LOAD = {"name": "load", "address": "1.3.6.1.4.1.2021.10.1.6.1"}
LOAD_TEXT = {"name": "load-text", "address": "1.3.6.1.4.1.2021.10.1.3.1#number"}
KIND = {"name": "kind", "address": "sysObjectID.0", "kind": "text"}
SERVICES = {"name": "octets", "address": "ifHCInOctets.1", "kind": "integer"}


class Agent:
    """An snmpd that can be killed and started again on its port."""

    def __init__(self, folder):
        self.port = free_port("127.0.0.1")  # below those that the kernel gives to others, also while it is down
        self._folder = folder
        (folder / "agent.conf").write_text(CONFIGURATION.format(port=self.port))
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [SNMPD, "-f", "-Lf", str(self._folder / "log"), "-C", "-c", str(self._folder / "agent.conf"), "-p", str(self._folder / "pid")],
            env={**os.environ, "SNMP_PERSISTENT_DIR": str(self._folder), "MIBS": ""}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while "NET-SNMP version" not in self.log():
            assert time.monotonic() < deadline, self.log()
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)  # another program: there is nothing to wait on but its log

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "log").read_text()
        return ""

    def kill(self):
        self.process.kill()
        self.process.wait()
        (self._folder / "log").unlink()


@pytest.fixture(scope="session")
def snmpd(tmp_path_factory):
    agent = Agent(tmp_path_factory.mktemp("snmpd"))
    yield agent
    agent.kill()


@pytest.fixture
def fragile(tmp_path):
    agent = Agent(tmp_path)
    yield agent
    agent.kill()


@pytest.fixture
def tools(tools):
    tools.secrets.keep("agent", Secret(user="operator", password="right-horse"))
    tools.secrets.keep("strong", Secret(user="strong", password="right-horse"))
    tools.secrets.keep("privacy", Secret(user="-", password="right-battery"))
    tools.secrets.keep("community", Secret(user="-", password="plant-floor"))
    tools.secrets.keep("wrong", Secret(user="operator", password="wrong-horse"))
    tools.secrets.keep("nobody", Secret(user="nobody", password="right-horse"))
    tools.secrets.keep("supply", Secret(user=USER, password=PASSWORD))
    return tools


def agent(port, *points, period_ms=100, **options):
    return Device(
        name="switch", path="acme/north/hall/line/cell/switch", driver="snmp", endpoint=f"snmp://127.0.0.1:{port}",
        options={"secret": "agent", "privacy_secret": "privacy", "timeout_seconds": 10.0, "retries": 1, **options},
        groups=(ScanGroup(mode="poll", period_ms=period_ms),),
        points=tuple(Point(tag=number, **point) for number, point in enumerate(points, 1)),
    )  # fmt: skip


@pytest.fixture
async def opened(tools):
    sources = []

    async def start(device):
        plan = find_driver("snmp").plan(device)
        source = find_driver("snmp").source(plan, tools)
        sources.append(source)
        await source.open()
        return source, plan

    yield start
    for source in sources:
        await source.close()


async def values(source, plan):
    return {plan.points[key].name: (q, value) for key, _, _, q, value in await source.read(plan.blocks[0])}


@pytest.mark.peer("snmpd")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"secret": "strong", "authentication": "SHA-512", "privacy": "AES-256"},
        {"version": "2c", "secret": "community", "privacy_secret": ""},
    ],
)
async def test_values_of_every_sort_come_signed_and_encrypted(snmpd, opened, options):
    source, plan = await opened(agent(snmpd.port, UPTIME, NAME, LOAD, LOAD_TEXT, KIND, SERVICES, **options))
    found = await values(source, plan)
    assert {name: q for name, (q, _) in found.items()} == dict.fromkeys(found, 0)
    assert found["name"] == (0, "press-7")
    assert 0 <= found["uptime"][1] < 86_400
    assert found["load"][1] == pytest.approx(found["load-text"][1], abs=0.3)
    assert found["kind"][1].startswith("1.3.6.1.4.1.8072.")
    assert isinstance(found["octets"][1], int)
    assert source.counts["requests"] == 1
    said = await source.about()
    assert said["name"] == "press-7"
    assert said["security"] == (
        "version 2c, none"
        if "version" in options
        else f"version 3, {plan.options.authentication} and {plan.options.privacy}"
    )


@pytest.mark.peer("snmpd")
async def test_what_is_not_there_is_bad_alone(snmpd, opened):
    points = (
        NAME,
        {"name": "no-object", "address": "1.3.6.1.2.1.99.1.0"},
        {"name": "no-instance", "address": "1.3.6.1.2.1.1.5.7"},
        {"name": "no-number", "address": "sysName.0#number"},
        {"name": "no-boolean", "address": "sysUpTime.0", "kind": "boolean"},
    )
    source, plan = await opened(agent(snmpd.port, *points))
    found = await values(source, plan)
    assert {name: quality.name(q) for name, (q, _) in found.items()} == {
        "name": "Good", "no-object": "BadNodeIdUnknown", "no-instance": "BadNotFound", "no-number": "BadDecodingError",
        "no-boolean": "BadOutOfRange",
    }  # fmt: skip


@pytest.mark.peer("snmpd")
async def test_many_points_go_in_few_requests_and_smaller_ones_where_an_answer_would_be_too_big(snmpd, opened):
    points = [{"name": f"p{number}", "address": "sysDescr.0", "kind": "text"} for number in range(100)]
    source, plan = await opened(agent(snmpd.port, *points, varbinds=50))
    assert set((await values(source, plan)).values()) == {(0, "a press")}
    assert source.counts["requests"] == 2
    big = [{"name": f"p{number}", "address": "1.3.6.1.2.1.1.9.1.3.1", "kind": "text"} for number in range(200)]
    source, plan = await opened(agent(snmpd.port, *big, varbinds=200))
    assert {q for q, _ in (await values(source, plan)).values()} == {0}


@pytest.mark.peer("snmpd")
async def test_what_is_set_arrives_and_operations_say_it_first(snmpd, opened):
    source, plan = await opened(agent(snmpd.port, PLACE, {**NAME, "access": "write"}))
    assert source.operations([Write(0, "hall 3")]) == [
        Operation(protocol="snmp", device="switch", function="set", node="1.3.6.1.2.1.1.6.0", points=("place",))
    ]
    good, refused = await source.write([Write(0, "hall 3"), Write(1, "other")])
    assert (good.q, good.lost) == (0, False)
    assert (quality.name(refused.q), refused.detail) == ("Bad_0x803B0000", "notWritable")
    assert (await values(source, plan))["place"] == (0, "hall 3")
    with pytest.raises(InvalidInput, match="it is a text"):
        source.operations([Write(0, 3)])


@pytest.mark.peer("snmpd")
@pytest.mark.parametrize(("secret", "reason"), [("wrong", "digest"), ("nobody", "Unknown USM user")])
async def test_a_user_who_is_refused_is_told_so(snmpd, opened, secret, reason):
    with pytest.raises(InvalidInput) as error:
        await opened(agent(snmpd.port, NAME, secret=secret))
    assert error.value.code == "edge.user_refused"
    assert reason in error.value.message


@pytest.mark.peer("snmpd")
async def test_a_wrong_community_and_a_short_password_are_told_apart(snmpd, opened, tools):
    tools.secrets.keep("short", Secret(user="operator", password="seven77"))
    with pytest.raises(InvalidInput, match="at least 8 characters"):
        await opened(agent(snmpd.port, NAME, secret="short"))
    with pytest.raises(Unavailable) as error:
        await opened(
            agent(snmpd.port, NAME, version="2c", secret="wrong", privacy_secret="", timeout_seconds=0.5, retries=0)
        )
    assert "community" in error.value.hint


@pytest.mark.peer("snmpd")
async def test_an_agent_that_dies_is_lost_and_taken_up_again(fragile, run, lane, until):
    runner = await run(agent(fragile.port, NAME, timeout_seconds=2, retries=0))
    await until(lambda: lane.of(1) and lane.of(1)[-1][1:] == (0, "press-7"))
    fragile.kill()
    await until(lambda: lane.of(1)[-1][1:] == (quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, "press-7"))
    fragile.start()
    await until(lambda: lane.of(1)[-1][1:] == (0, "press-7"))
    assert runner.status().state == "connected"


@pytest.mark.peer("snmpd")
async def test_a_walk_is_bounded_and_goes_on_where_it_stopped(snmpd, opened):
    source, _ = await opened(agent(snmpd.port))
    state = BrowseState()
    first = [page async for page in source.browse(BrowseRequest(root="1.3.6.1.2.1.1", nodes=10), state)]
    assert sum(len(page.found) for page in first) == 10
    assert first[-1].stopped == "nodes"
    state.stopped = ""
    rest = [page async for page in source.browse(BrowseRequest(root="1.3.6.1.2.1.1"), state)]
    seen = [found.address for page in first + rest for found in page.found]
    assert len(seen) == len(set(seen)) == state.found
    assert all(address.startswith("1.3.6.1.2.1.1.") for address in seen)
    names = {found.name: found for page in first for found in page.found}
    assert (names["sysName.0"].kind, names["sysName.0"].description) == ("text", "press-7")
    assert names["sysUpTime.0"].kind == "integer"
    good, absent, wrong = await source.inspect(["sysName.0", "1.3.6.1.2.1.1.99.0", "sysNonsense.0"])
    assert good.refused == ""
    assert "unknown" in absent.refused
    assert "not known here" in wrong.refused
    with pytest.raises(LineshaftError, match="no place to begin"):
        async for _ in source.browse(BrowseRequest(root="here"), BrowseState()):
            pass


@pytest.mark.peer("snmpd")
async def test_a_set_whose_answer_does_not_come_is_lost_and_those_behind_it_are_not_sent(fragile, opened):
    source, plan = await opened(agent(fragile.port, PLACE, timeout_seconds=2, retries=4))  # of readings alone
    await values(source, plan)
    fragile.kill()
    first, second = await source.write([Write(0, "one"), Write(0, "two")])
    assert first.lost
    assert (second.lost, second.detail) == (False, "not sent")
    with pytest.raises(Unavailable):
        await source.write([Write(0, "three")])
    fragile.start()


class Script:
    """An agent that nobody would sell: it answers what the test says. Put in place of a source's manager."""

    def __init__(self, answer):
        self._answer = answer
        self.asked = []

    async def get(self, oids):
        self.asked.append(len(oids))
        return self._answer(list(oids))

    async def next(self, oid, most):
        self.asked.append(oid)
        return self._answer([oid])

    def close(self):
        return


def scripted(tools, answer, *points, **options):
    device = agent(161, *points, **options)
    plan = find_driver("snmp").plan(device)
    source = find_driver("snmp").source(plan, tools)
    source._manager = Script(answer)
    return source, plan


def answered(oids, error=0, index=0):
    return Response(error=error, index=index, bindings=[(oid, Integer32(oid[-2])) for oid in oids])


NUMBERED = [{"name": f"p{number}", "address": f"1.3.6.1.4.1.{number}.0", "kind": "integer"} for number in range(10)]


async def test_an_object_with_an_error_is_bad_alone_and_the_others_are_asked_without_it(tools):
    def answer(oids):
        wrong = [place for place, oid in enumerate(oids, 1) if oid[-2] in (3, 7)]
        return answered(oids, 5, wrong[0]) if wrong else answered(oids)

    source, plan = scripted(tools, answer, *NUMBERED)
    found = await values(source, plan)
    assert {name: quality.name(q) for name, (q, _) in found.items() if q} == {
        "p3": "BadUnexpectedError",
        "p7": "BadUnexpectedError",
    }
    assert [found[f"p{number}"] for number in (0, 4, 9)] == [(0, 0), (0, 4), (0, 9)]
    assert source._manager.asked == [10, 9, 8]


async def test_requests_become_smaller_when_an_answer_would_be_too_big(tools):
    source, plan = scripted(tools, lambda oids: answered(oids, 1 if len(oids) > 3 else 0), *NUMBERED)
    assert [value for _, value in (await values(source, plan)).values()] == list(range(10))
    source._manager.asked.clear()
    await values(source, plan)
    assert max(source._manager.asked) <= 3


async def test_an_answer_about_other_objects_is_no_value(tools):
    source, plan = scripted(tools, lambda oids: answered(oids[::-1]), *NUMBERED[:2])
    assert {quality.name(q) for q, _ in (await values(source, plan)).values()} == {"BadDecodingError"}
    assert source.counts["answers_malformed"] == 1


async def test_a_walk_of_an_agent_that_goes_in_circles_ends(tools):
    circle = [(1, 3, 6, 1, 2, 1, 1, number, 0) for number in (1, 2, 1, 2)]
    source, _ = scripted(tools, lambda _: answered(circle))
    pages = [page async for page in source.browse(BrowseRequest(nodes=50), BrowseState())]
    assert [len(page.found) for page in pages] == [2, 0]


async def test_a_set_is_sent_once_and_a_reading_again():
    received = []

    class Mute(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            received.append(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Mute, local_addr=("127.0.0.1", 0))
    place = Address(host="127.0.0.1", port=transport.get_extra_info("sockname")[1])
    options = SnmpOptions(version="2c", secret="community", timeout_seconds=0.5, retries=1)
    community = Secret(user="-", password="plant-floor")
    manager = await Manager.open(place, options, community, community)
    try:
        with pytest.raises(Silent):
            await manager.set((1, 3, 6, 1), Integer32(1))
        assert len(received) == 1
        with pytest.raises(Silent):
            await manager.get([(1, 3, 6, 1)])
        assert len(received) == 3
    finally:
        manager.close()
        transport.close()


@pytest.mark.peer("snmpget", "snmpset")
async def test_our_simulator_answers_the_tools_of_net_snmp_and_ourselves(opened, until_async, monkeypatch, tmp_path):
    async with simulate("127.0.0.1", 0) as simulated:
        source, plan = await opened(simulated.device)
        found = await until_async(lambda: values(source, plan), lambda found: found["energy"][1] > 0)
        assert {q for q, _ in found.values()} == {0}
        assert found["setpoint"] == (0, 24.0)
        assert [written.q for written in await source.write([Write(4, 23.04)])] == [0]
        where = simulated.endpoint.removeprefix("snmp://")
        user = ["-v3", "-l", "authPriv", "-u", USER, "-a", "SHA-256", "-A", PASSWORD, "-x", "AES", "-X", PASSWORD]
        user += ["-t", "10", "-r", "3"]
        monkeypatch.setenv("SNMP_PERSISTENT_DIR", str(tmp_path))
        monkeypatch.setenv("MIBS", "")
        output = await tool("snmpget", *user, "-Oqv", where, "1.3.6.1.4.1.99999.1.4.0")
        assert output.split()[-1] == "230"
        await tool("snmpset", *user, where, "1.3.6.1.4.1.99999.1.4.0", "i", "245")
        assert (await values(source, plan))["setpoint"] == (0, 24.5)
        assert (await source.write([Write(1, 1)]))[0].detail == "notWritable"


async def tool(*command):
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output
    return output.decode()


@pytest.mark.peer("snmpd")
async def test_requests_of_a_scan_are_on_the_way_together(snmpd, opened):
    """Behind a relay that lets three go on only together: asked one after another, none would be answered."""
    async with HoldingRelay(snmpd.port) as relay:
        points = (UPTIME, NAME, KIND)
        source, plan = await opened(agent(relay.port, *points, varbinds=1, at_once=3, retries=0))
        relay.together = 3
        assert {q for q, _ in (await values(source, plan)).values()} == {0}
