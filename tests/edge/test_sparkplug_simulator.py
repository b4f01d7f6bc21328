"""The simulators of MQTT and Sparkplug: what they offer can be read and written."""

import msgspec
import pytest

from lineshaft.core.errors import Unavailable
from lineshaft.edge.driver import Write
from lineshaft.edge.drivers.mqtt import mosquitto as program
from lineshaft.edge.drivers.mqtt.simulator import simulate as simulate_mqtt
from lineshaft.edge.drivers.sparkplug.simulator import simulate as simulate_sparkplug


def tagged(device):
    points = tuple(msgspec.structs.replace(point, tag=tag) for tag, point in enumerate(device.points, 1))
    return msgspec.structs.replace(device, points=points)


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize(("simulate", "tag"), [(simulate_mqtt, 2), (simulate_sparkplug, 6)])
async def test_a_simulated_device_is_read_and_obeys(simulate, tag, run, lane, until):
    async with simulate("127.0.0.1", 0) as simulated:
        device = tagged(simulated.device)
        assert device.points[tag - 1].name == "setpoint"
        runner = await run(device)
        await until(lambda: {row[0] for row in lane.rows} == {point.tag for point in device.points})
        assert all(row[3] == 0 for row in lane.rows)
        await runner._source.write([Write(tag - 1, 42.0)])
        await until(lambda: lane.of(tag)[-1][1:] == (0, 42.0))
        await runner.stop()


@pytest.mark.parametrize("simulate", [simulate_mqtt, simulate_sparkplug])
async def test_without_a_broker_it_says_what_it_needs(simulate, monkeypatch):
    monkeypatch.setattr(program.shutil, "which", lambda *_, **__: None)
    with pytest.raises(Unavailable) as refused:
        async with simulate("127.0.0.1", 0):
            pass
    assert (refused.value.code, "mosquitto" in refused.value.hint) == ("edge.mosquitto_missing", True)
