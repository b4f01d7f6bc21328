"""The Sparkplug host against what we did not write: sparkplug-client's edge node, by a mosquitto broker."""

import math
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.model import Device, Point
from lineshaft.edge.testing import foreign_server

pytestmark = pytest.mark.peer("mosquitto", "node", "npm")

PEERS = Path(__file__).parent.parent / "peers"
GOOD, OFFLINE = 0, 0x408F0000
METRICS = [
    {"name": "Inputs/Temperature", "type": "Double", "value": 21.5},
    {"name": "Inputs/Small", "type": "Int8", "value": -5},
    {"name": "Inputs/Count", "type": "UInt32", "value": 4_000_000_000},
    {"name": "Inputs/Signed", "type": "Int32", "value": -2_000_000_000},
    {"name": "Inputs/Ratio", "type": "Float", "value": 0.5},
    {"name": "Inputs/Running", "type": "Boolean", "value": False},
    {"name": "Inputs/Name", "type": "String", "value": "läuft 运行"},
    {"name": "Outputs/Setpoint", "type": "Double", "value": 3.0},
]
KINDS = {"Double": "number", "Float": "number", "Boolean": "boolean", "String": "text"}
VALUES = {metric["name"]: metric["value"] for metric in METRICS}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker"), user="operator", password="right") as port:
        yield port


@pytest.fixture
def node(broker, node_modules, tmp_path, request):
    """Start foreign edge nodes of a group named after the test."""

    @contextmanager
    def start(**options):
        options = {"aliased": False, "metrics": METRICS, **options}
        connection = {"url": f"mqtt://127.0.0.1:{broker}", "user": "operator", "password": "right"}
        ids = {"group": request.node.name[:60], "node": "line", "device": "press"}
        script = PEERS / "sparkplug_node.js"
        with foreign_server(script, node_modules, tmp_path, **connection, **ids, **options) as peer:
            yield peer

    return start


@pytest.fixture
def device(broker, request):
    def make(points=(), **options):
        types = {metric["name"]: metric["type"] for metric in METRICS}
        ids = {"group_id": request.node.name[:60], "edge_node_id": "line", "device_id": "press"}
        return Device(
            name="press", path="acme/north/hall/line/cell/press", driver="sparkplug", endpoint=f"mqtt://127.0.0.1:{broker}",
            options={"secret": "plant", **ids, "birth_seconds": 30.0, **options},
            points=tuple(
                Point(name=f"p{tag}", address=name, kind=KINDS.get(types.get(name), "integer"), tag=tag,
                      access="read-write")
                for tag, name in enumerate(points, start=1)
            ),
        )  # fmt: skip

    return make


@pytest.mark.parametrize("aliased", [False, True])
async def test_values_of_every_type_come_by_name_and_by_alias(node, device, run, lane, until, aliased):
    with node(aliased=aliased) as peer:
        await run(device(list(VALUES)))
        await until(lambda: len({row[0] for row in lane.rows}) == len(VALUES))
        for tag, (name, value) in enumerate(VALUES.items(), start=1):
            assert lane.of(tag)[-1][1:] == (GOOD, value), name
        changed = [{"type": metric["type"], "value": metric["value"], "alias": 100 + index} if aliased else dict(metric)
                   for index, metric in enumerate(METRICS)]  # fmt: skip
        changed[0]["value"], changed[5]["value"], changed[6]["value"] = 22.25, True, "steht"
        before = len(lane.rows)
        peer.order("data", metrics=changed)
        await until(lambda: len(lane.rows) >= before + len(VALUES))
        assert [lane.of(tag)[-1][2] for tag in (1, 6, 7)] == [22.25, True, "steht"]
        assert lane.of(3)[-1][1:] == (GOOD, 4_000_000_000)


async def test_every_message_over_the_wrap_of_the_sequence_arrives_in_order(node, device, run, lane, until):
    with node() as peer:
        await run(device(["Inputs/Temperature"]))
        peer.order("burst", name="Inputs/Temperature", count=700)
        await until(lambda: lane.rows and lane.rows[-1][-1] == 699)
        values = [value for _, _, value in lane.of(1)]
        assert values[-700:] == list(range(700))
        assert lane.gaps == []


async def test_a_missing_message_is_told_as_a_gap_and_has_all_births_asked_for(node, device, run, lane, until):
    with node() as peer:
        await run(device(["Inputs/Temperature"], reorder_seconds=0.3))
        asked = len(peer.ask("commands")["commands"])
        peer.order("skip")
        peer.order("data", metrics=[{"name": "Inputs/Temperature", "type": "Double", "value": 99.0}])
        await until(lambda: lane.gaps)
        assert [gap.cause for gap in lane.gaps] == ["sequence"]
        await until(lambda: 99.0 in [value for _, _, value in lane.of(1)])
        await until(lambda: len(peer.ask("commands")["commands"]) > asked)
        await until(lambda: lane.of(1)[-1][2] == 21.5)  # the birth that was asked for


async def test_a_host_that_comes_late_asks_for_the_births(node, device, run, lane, until):
    with node(silent=True):
        await run(device(["Inputs/Temperature"]))
        await until(lambda: lane.of(1))
        assert lane.of(1)[-1][1:] == (GOOD, 21.5)


async def test_a_device_that_dies_is_marked_and_comes_back_with_its_birth(node, device, run, lane, until):
    with node() as peer:
        runner = await run(device(["Inputs/Temperature", "Inputs/Running"]))
        await until(lambda: len(lane.rows) >= 2)
        peer.order("device_death")
        await until(lambda: runner.status().state == "lost")
        assert runner.status().code == "edge.sparkplug_offline"
        assert [lane.of(tag)[-1][1:] for tag in (1, 2)] == [(OFFLINE, 21.5), (OFFLINE, False)]
        peer.order("device_birth")
        await until(lambda: runner.status().state == "connected")
        await until(lambda: lane.of(1)[-1][1:] == (GOOD, 21.5))


async def test_a_node_whose_power_fails_takes_its_devices_with_it(node, device, run, lane, until):
    with node() as peer:
        runner = await run(device(["Inputs/Temperature"]))
        await until(lambda: lane.rows)
        peer.kill()
        await until(lambda: lane.of(1)[-1][1] == OFFLINE)
        assert "offline" in runner.status().message
    with node():
        await until(lambda: lane.of(1)[-1][1] == GOOD)


async def test_a_metric_that_the_birth_has_not_is_bad(node, device, run, lane, until):
    with node():
        await run(device(["Inputs/Temperature", "Inputs/None"]))
        await until(lambda: lane.of(2))
        assert lane.of(2)[0][1] == 0x80340000
        assert math.isnan(lane.of(2)[0][2])


@pytest.mark.parametrize("aliased", [False, True])
async def test_a_command_reaches_the_device_and_its_echo_comes_back(node, device, run, lane, until, aliased):
    from lineshaft.edge.driver import Write

    with node(aliased=aliased, echo=True) as peer:
        runner = await run(device(["Outputs/Setpoint", "Inputs/Small"]))
        await until(lambda: len(lane.rows) >= 2)
        source = runner._source
        writes = [Write(0, 7.5), Write(1, -100)]
        operations = source.operations(writes)
        assert [(each.function, each.node, each.values) for each in operations] == [
            ("dcmd", "Outputs/Setpoint", (7_500_000,)), ("dcmd", "Inputs/Small", (-100_000_000,))]  # fmt: skip
        assert [written.q for written in await source.write(writes)] == [0, 0]
        command = (await _until_command(peer, until))[-1]
        assert (command["kind"], command["device"]) == ("dcmd", "press")
        assert [metric["value"] for metric in command["metrics"]] == [7.5, -100]
        names = [metric.get("name") or None for metric in command["metrics"]]
        assert names == ([None, None] if aliased else ["Outputs/Setpoint", "Inputs/Small"])
        await until(lambda: lane.of(1)[-1][1:] == (GOOD, 7.5) and lane.of(2)[-1][1:] == (GOOD, -100))


async def _until_command(peer, until):
    found = []

    def look():
        found[:] = [each for each in peer.ask("commands")["commands"] if each["kind"] == "dcmd"]
        return found

    await until(look)
    return found


async def test_the_metrics_can_be_browsed_and_looked_up(node, device, run):
    from lineshaft.edge.address_space import BrowseRequest, BrowseState

    with node():
        source = (await run(device()))._source
        pages = [page async for page in source.browse(BrowseRequest(), BrowseState())]
        found = {each.address: each for page in pages for each in page.found}
        assert set(found) == set(VALUES)
        assert (found["Inputs/Small"].kind, found["Inputs/Small"].data_type, found["Inputs/Small"].path) == (
            "integer", "Int8", ("Inputs",))  # fmt: skip
        known, unknown = await source.inspect(["Inputs/Running", "Nothing"])
        assert (known.kind, known.refused) == ("boolean", "")
        assert unknown.refused
        about = await source.about()
        assert about["edge node"].endswith("/line")
        assert about["devices"] == "press"


async def test_wrong_credentials_are_said_so(device, run, until, tools):
    from lineshaft.edge.secrets import Secret

    tools.secrets.keep("wrong", Secret(user="operator", password="wrong"))
    runner = await run(device(secret="wrong"), connected=False)
    await until(lambda: runner.status().code)
    assert (runner.status().code, runner.status().state) == ("edge.user_refused", "refused")


def test_the_foreign_client_is_there():
    assert shutil.which("mosquitto_pub"), "the package mosquitto-clients belongs to the peers"
