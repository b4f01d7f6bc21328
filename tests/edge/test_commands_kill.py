"""kill -9 of the gateway at random moments of a command: never written twice, `indeterminate` where nobody knows."""

import asyncio
import contextlib
import os
import random
import signal
import sys

import pytest
from msgspec.structs import replace

from lineshaft.bus.testing import embedded_bus
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, LineshaftError
from lineshaft.edge.commands.messages import Execute, Outcome
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.messages import GatewayStatus, NamedSecret, TestReport, Trust, Trusted, Try
from lineshaft.edge.model import GatewayConfig, ScanGroup, WriteRules, encode_config
from lineshaft.edge.secrets import Secret

pytestmark = pytest.mark.peer("node", "npm")

NS = "nsu=urn:lineshaft:test:peer"
ANSWER_MS = 60
"""The machine answers so long after it has taken a value: most kills fall into it."""
SOMEBODY = GuardPrincipal(
    id="h/olga", name="olga", kind="person", roles=frozenset({"administrator", "engineer", "operator", "viewer"})
)
GATEWAY = """
import asyncio, sys
from pathlib import Path
from lineshaft.bus import BusSettings
from lineshaft.core.home import Home
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.edge.service import GatewayService
from lineshaft.edge.settings import EdgeSettings

async def run():
    service = GatewayService(Context(Home(Path(sys.argv[1])), Settings([BusSettings(port=0), EdgeSettings(retry_seconds=0.05)])))
    await service.start()
    await asyncio.Event().wait()

asyncio.run(run())
"""


class Gateway:
    """A gateway in a process of its own, killed and started again."""

    def __init__(self, home):
        self._home = home
        self._process = None

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", GATEWAY, str(self._home), stdout=asyncio.subprocess.DEVNULL
        )

    async def kill(self):
        if self._process is not None and self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)
            await self._process.wait()


async def connected(web):
    """Wait until the gateway runs the device."""
    async with asyncio.timeout(40):
        while True:
            with contextlib.suppress(LineshaftError):
                status = await web.request("edge", "status", None, GatewayStatus, gateway="gateway", timeout=2)
                if [each.state for each in status.devices] == ["connected"]:
                    return
            await asyncio.sleep(0.05)


async def prepare(web, device, peer):
    """Trust, credentials, configuration."""
    secret = NamedSecret(name="plant", secret=Secret(user="operator", password="right"))
    async with asyncio.timeout(40):
        while True:
            try:
                await web.request("edge", "secret", secret, gateway="gateway")
                break
            except LineshaftError:
                await asyncio.sleep(0.05)
    with pytest.raises(Conflict) as refused:
        await web.request("edge", "test", Try(device=device), TestReport, timeout=60, gateway="gateway")
    trust = Trust(fingerprint=refused.value.facts["fingerprint"])
    await web.request("edge", "trust", trust, Trusted, gateway="gateway")
    point = replace(device.points[0], access="read-write", write=WriteRules(verify_seconds=30))
    config = GatewayConfig(
        gateway="gateway", version=1, created="2026-01-01T00:00:00Z", devices=(replace(device, points=(point,)),)
    )
    await web.publish_stored(web.subjects.config("gateway"), encode_config(config))
    await connected(web)
    peer.ask("watch", node="ns=1;s=Spare1", delay=ANSWER_MS)


async def one_command(web, gateway, number, after):
    """Send a command, kill the gateway `after` seconds later; what the next one says became of it."""
    asked = Execute(
        command=f"c{number}", device="press", point="Spare1", value=float(number + 10), principal=SOMEBODY,
        expires=clock.now_us() + 120_000_000, seconds=120.0,
    )  # fmt: skip

    async def send():
        with contextlib.suppress(LineshaftError):
            await web.request("edge", "command", asked, Outcome, gateway="gateway", timeout=5)

    sending = asyncio.create_task(send())
    await asyncio.sleep(after)
    await gateway.kill()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await gateway.start()
    await connected(web)
    return await web.request("edge", "command", asked, Outcome, gateway="gateway", timeout=60)


async def faults(tmp_path, serve, make_device, kills, seed):
    """(command's value, state, times written) of each."""
    peer = serve(tmp_path / "peer", items=5)
    device = make_device(peer.url, [("Spare1", f"{NS};s=Spare1")], group=ScanGroup(period_ms=100))
    moments = random.Random(seed)
    async with embedded_bus(tmp_path) as box:
        box.issue("gateway")
        web = await box.connect("web")
        gateway = Gateway(box.home.path)
        await gateway.start()
        try:
            await prepare(web, device, peer)
            states = [await one_command(web, gateway, number, moments.uniform(0, 0.15)) for number in range(kills)]
        finally:
            await gateway.kill()
        told = [value for _, value in peer.ask("writes")["writes"]]
    return [(outcome.state, told.count(float(number + 10))) for number, outcome in enumerate(states)]


def judge(found):
    assert all(times <= 1 for _, times in found), found
    assert all(times == 1 for state, times in found if state == "verified"), found
    assert {state for state, _ in found} <= {"verified", "indeterminate"}, found


async def test_a_killed_gateway_writes_nothing_twice_and_says_what_it_does_not_know(tmp_path, serve, make_device):
    judge(await faults(tmp_path, serve, make_device, kills=4, seed=7))


@pytest.mark.soak
async def test_killed_at_many_moments(tmp_path, serve, make_device):
    found = await faults(tmp_path, serve, make_device, kills=150, seed=os.getpid())
    print(f"\n150 kills: {sum(state == 'indeterminate' for state, _ in found)} indeterminate, none written twice")
    judge(found)
    assert {state for state, _ in found} == {"verified", "indeterminate"}
