"""Host and edge node by the MQTT of a NATS server, which the bus is: MQTT 3.1.1 only, real credentials only.

No primary host is named: the server sometimes leaves a first subscription to STATE unanswered while the host connects.
"""

import contextlib
import socket
import subprocess

import pytest

from lineshaft.bus.server import free_port, program
from lineshaft.core import clock
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.edge_node import EdgeNode, NodeMetric, NodeOptions
from lineshaft.edge.model import Device, Point


@pytest.fixture
async def port(tmp_path, until):
    chosen, other = free_port("127.0.0.1"), free_port("127.0.0.1")
    file = tmp_path / "nats.conf"
    file.write_text(
        f'server_name: one\nlisten: "127.0.0.1:{other}"\njetstream {{\n  store_dir: "{tmp_path}"\n}}\n'
        f'mqtt {{\n  listen: "127.0.0.1:{chosen}"\n}}\nauthorization {{\n  user: operator\n  password: right\n}}\n'
    )
    process = subprocess.Popen([str(program()), "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:

        def listens():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", chosen), timeout=1):
                return True
            return False

        await until(listens)
        yield chosen
    finally:
        process.terminate()
        process.wait(30)


async def test_an_edge_node_is_read_dies_and_comes_back_by_the_bus(port, tools, tmp_path, run, lane, until):
    taken = []
    ids = {"secret": "plant", "group_id": "north", "edge_node_id": "line.1"}
    endpoint = f"mqtt://127.0.0.1:{port}"
    offered = {"press": [NodeMetric(name="Temperature", datatype=BY_NAME["Double"])]}

    def make():
        return EdgeNode(
            endpoint, NodeOptions(**ids), offered, secrets=tools.secrets,
            state_file=tmp_path / "bdseq", on_command=lambda *command: taken.append(command),
        )  # fmt: skip

    device = Device(
        name="press", path="a/b/c/d/e/press", driver="sparkplug", endpoint=endpoint,
        options={**ids, "device_id": "press", "host_id": "hq"},
        points=(Point(name="t", address="Temperature", tag=1, access="read-write"),),
    )  # fmt: skip
    ours = make()
    ours.update("press", "Temperature", 21.5, clock.now_us())
    ours.start()
    runner = await run(device)
    await until(lambda: lane.of(1) and lane.of(1)[-1][1:] == (0, 21.5))
    from lineshaft.edge.driver import Write

    await runner._source.write([Write(0, 7.5)])
    await until(lambda: taken == [("press", "Temperature", 7.5)])
    await ours.close()
    await until(lambda: lane.of(1)[-1][1] == 0x408F0000)
    ours = make()
    ours.update("press", "Temperature", 22.5, clock.now_us())
    ours.start()
    await until(lambda: lane.of(1)[-1][1:] == (0, 22.5))
    await runner.stop()
    await ours.close()
