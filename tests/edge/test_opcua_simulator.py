"""The simulated OPC UA device runs with the driver, as a newcomer would connect it."""

import msgspec

from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.opcua.simulator import USER, simulate
from lineshaft.edge.secrets import Secret


async def test_the_driver_reads_it(tools, run, lane, until):
    tools.secrets.keep("press", Secret(user=USER, password=USER))
    async with simulate("127.0.0.1", 0) as simulated:
        points = tuple(msgspec.structs.replace(point, tag=tag) for tag, point in enumerate(simulated.device.points, 1))
        await run(msgspec.structs.replace(simulated.device, points=points))
        await until(lambda: len(lane.of(1)) > 1 and lane.of(2) and lane.of(3))
    assert 0 in {q for _, q, _ in lane.of(1)}
    assert find_driver("opcua").manifest.simulator.endswith("opcua.simulator:simulate")
