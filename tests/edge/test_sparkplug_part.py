"""The gateway part `sparkplug_node`: chosen tags of the board, offered to a host, which here is ours."""

from types import SimpleNamespace

import pytest

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.edge.columns import BOOLEAN, NUMBER
from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.drivers.sparkplug.part import SparkplugNodePart, check
from lineshaft.edge.model import Device, GatewayConfig, Point

IDS = {"group_id": "north", "edge_node_id": "gateway"}


@pytest.mark.peer("mosquitto")
async def test_chosen_tags_are_offered_with_their_quality(tools, tmp_path, run, lane, until, rows_of):
    home = SimpleNamespace(folder=Home(tmp_path / "home").folder)
    part = SparkplugNodePart(SimpleNamespace(context=SimpleNamespace(home=home), tools=tools))
    points = (
        Point(name="temp", address="x"),
        Point(name="on", address="y", kind="boolean"),
        Point(name="secret", address="z"),
    )
    config = GatewayConfig(
        gateway="gateway", version=1, created="",
        devices=(Device(name="press", path="a/b/c/d/e/press", driver="opcua", endpoint="opc.tcp://x", points=points),),
    )  # fmt: skip
    slots = tools.board.slots(["press/temp", "press/on", "press/secret"])
    now = clock.now_us() // 1000 * 1000
    tools.board.take(
        slots, rows_of((0, now, now, 0, NUMBER, 21.5), (1, now, now, 0, BOOLEAN, True), (2, now, now, 0, NUMBER, 1.0))
    )
    with mosquitto(tmp_path / "broker", user="operator", password="right") as port:
        endpoint = f"mqtt://127.0.0.1:{port}"
        await part.apply({"endpoint": endpoint, "secret": "plant", **IDS, "points": ["press/temp", "*/on"]}, config)
        wanted = ("temp", "number"), ("on", "boolean"), ("secret", "number")
        device = Device(
            name="there", path="a/b/c/d/e/there", driver="sparkplug", endpoint=endpoint,
            options={"secret": "plant", **IDS, "device_id": "press", "birth_seconds": 60},
            points=tuple(Point(name=name, address=name, kind=kind, tag=tag) for tag, (name, kind) in enumerate(wanted, 1)),
        )  # fmt: skip
        runner = await run(device)
        await until(lambda: len({row[0] for row in lane.rows}) == 3)
        assert [lane.of(tag)[-1][1:] for tag in (1, 2)] == [(0, 21.5), (0, True)]
        assert lane.of(3)[-1][1] == 0x80340000  # not chosen
        tools.board.take(slots[:1], rows_of((0, now + 1000, now, 0x40900000, NUMBER, 22.5)))
        await until(lambda: lane.of(1)[-1] == (now + 1000, 0x40900000, 22.5))
        tools.board.take(slots[:1], rows_of((0, now + 2000, now, 0x808C0000, NUMBER, 22.5)))
        await until(lambda: lane.of(1)[-1][1] >= 0x80000000)
        assert part.status()["born"]
        assert part.checks()[0].ok
        await part.apply(None, config)
        await until(lambda: runner.status().state == "lost")
        await runner.stop()
    assert part.checks() == []


@pytest.mark.parametrize("wrong", [{"endpoint": "mqtt://10.0.0.1"}, {"group_id": "a/b"}, {"typo": 1}, {"secret": ""}])
def test_a_document_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidInput) as refused:
        check({"endpoint": "mqtt://127.0.0.1", "secret": "plant", **IDS, **wrong})
    assert refused.value.code == "edge.device_invalid"
