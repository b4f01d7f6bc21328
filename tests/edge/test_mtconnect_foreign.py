"""MTConnect against an agent that we did not write: the package `mtconnect`, browsed and polled."""

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.core import quality
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.attempts import settled
from lineshaft.edge.driver import find_driver
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.testing import ForeignServer

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mtconnect") is None, reason="the package mtconnect is not installed"
)
PEERS = Path(__file__).parents[1] / "peers"
DEVICES = """<?xml version="1.0"?>
<Devices><Device id="d1" name="mill" uuid="000"><DataItems>
<DataItem id="avail" category="EVENT" type="AVAILABILITY"/></DataItems>
<Components><Linear id="x1" name="X"><DataItems>
<DataItem id="x2" name="Xact" category="SAMPLE" type="POSITION" units="MILLIMETER"/>
<DataItem id="x3" category="SAMPLE" type="LOAD" units="PERCENT"/>
<DataItem id="tc" category="CONDITION" type="TEMPERATURE"/></DataItems></Linear></Components></Device></Devices>
"""


@pytest.fixture
async def agent(tmp_path):
    file = tmp_path / "devices.xml"
    file.write_text(DEVICES)
    process = subprocess.Popen(
        [sys.executable, str(PEERS / "mtconnect_agent.py"), str(file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        server = await asyncio.to_thread(ForeignServer, process)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    yield server
    await asyncio.to_thread(server.stop)


async def test_a_foreign_agent_is_browsed_and_polled(agent, tools):
    points = (Point(name="x", address="x2", tag=1), Point(name="load", address="x3", tag=2),
              Point(name="fault", address="tc", kind="boolean", tag=3))  # fmt: skip
    device = Device(
        name="mill", path="a/b/c/d/e/mill", driver="mtconnect", endpoint=f"http://127.0.0.1:{agent.port}",
        groups=(ScanGroup(mode="poll", period_ms=100),), points=points,
    )  # fmt: skip
    plan = find_driver("mtconnect").plan(device)
    source = find_driver("mtconnect").source(plan, tools)
    await source.open()
    try:
        await asyncio.to_thread(agent.ask, "push", item="x2", value=-12.5)
        await asyncio.to_thread(agent.ask, "push", item="tc", value="FAULT")
        found = {key: (q, value) for key, _, _, q, value in await source.read(plan.blocks[0])}
        assert found[0] == (0, -12.5)
        assert found[1][0] == quality.BAD_NO_DATA
        pages = [page async for page in source.browse(BrowseRequest(), BrowseState())]
        offered = {each.address: settled(each) for page in pages for each in page.found}
        assert (offered["x2"].unit, offered["x2"].path) == ("MMT", ("mill", "X", "Xact"))
        assert offered["x3"].unit == "P1"
    finally:
        await source.close()
