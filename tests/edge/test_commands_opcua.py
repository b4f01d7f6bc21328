"""Commands to a server that we did not write (node-opcua): what it was told is counted there."""

import asyncio

import pytest
from msgspec.structs import replace

from lineshaft.core import clock, ids
from lineshaft.edge.commands.executor import Executor
from lineshaft.edge.commands.journal import Journal
from lineshaft.edge.commands.messages import Execute
from lineshaft.edge.driver import Write, Writer
from lineshaft.edge.guard.model import GuardPrincipal, Verdict
from lineshaft.edge.model import ScanGroup, WriteRules

pytestmark = pytest.mark.peer("node", "npm")

NS = "nsu=urn:lineshaft:test:peer"
SOMEBODY = GuardPrincipal(id="h/olga", name="olga", kind="person", roles=frozenset({"operator"}))


class Guard:
    """Admits everything but what it is told to deny, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.denies = ""

    def check(self, operations, principal, state):
        self.asked.append((operations, principal, state))
        return [Verdict(allowed=not self.denies, reason=self.denies) for _ in operations]


@pytest.fixture
def own_peer(serve, tmp_path):
    return serve(tmp_path / "own", items=5)


@pytest.fixture
def guard():
    return Guard()


@pytest.fixture
async def plant(run, trust, own_peer, make_device, tools, guard, tmp_path):
    """Run the device `press` with writable points; executes commands on it."""

    class Plant:
        peer = own_peer
        runner = None
        executor = None

        async def start(self, *points, mode="subscribe", **rules):
            await trust(own_peer.url)
            device = make_device(own_peer.url, points, group=ScanGroup(mode=mode, period_ms=100))
            writable = tuple(
                replace(point, access="read-write", write=WriteRules(**{"verify_seconds": 30, **rules}))
                for point in device.points
            )
            self.runner = await run(replace(device, points=writable))
            journal = Journal(tmp_path / "commands", "gateway")
            machines = {"press": self.runner}
            self.executor = Executor(machines.get, tools.board, journal, lambda: guard, "gateway")

        async def command(self, point, value, **more):
            facts = {
                "expires": clock.now_us() + 60_000_000,
                "seconds": 60.0,
                "principal": SOMEBODY,
                "command": ids.new_id(),
            }
            return await self.executor.execute(Execute(device="press", point=point, value=value, **{**facts, **more}))

        def told(self):
            return [value for _, value in own_peer.ask("writes")["writes"]]

    made = Plant()
    yield made
    if made.executor is not None:
        await made.executor.close(1)


VALUES = {
    "Boolean": ("boolean", False), "SByte": ("integer", -128), "Byte": ("integer", 0), "Int16": ("integer", 32767),
    "UInt16": ("integer", 1), "Int32": ("integer", -5), "UInt32": ("integer", 2**32 - 1), "Int64": ("integer", -(2**40)),
    "UInt64": ("integer", 2**62), "Float": ("number", 0.1), "Double": ("number", -1e300), "String": ("text", "steht 停"),
    "DateTime": ("text", "2025-01-02T03:04:05.678000Z"), "Guid": ("text", "12962b91-fa75-4ae6-8d28-b404dc7daf63"),
    "LocalizedText": ("text", "Pressen"),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_values_of_every_type_are_written_and_read_back(plant, mode, until):
    await plant.start(*((name, f"{NS};s={name}", kind) for name, (kind, _) in VALUES.items()), mode=mode)
    await until(lambda: not plant.runner.stale(0))
    for name, (_, value) in VALUES.items():
        outcome = await plant.command(name, value)
        assert [step.state for step in outcome.steps] == ["armed", "executed", "verified"], (name, outcome)


async def test_the_guard_is_asked_what_goes_to_which_node_and_nothing_goes_where_it_denies(plant, guard):
    await plant.start(("Spare1", f"{NS};s=Spare1"))
    plant.peer.ask("watch", node="ns=1;s=Spare1")
    assert (await plant.command("Spare1", 2.5, approver="h/pavel")).state == "verified"
    ((operation,), principal, state) = guard.asked[0]
    assert (operation.protocol, operation.function, operation.node) == ("opcua", "write", f"{NS};s=Spare1")
    assert (operation.values, operation.points, operation.device) == ((2_500_000,), ("Spare1",), "press")
    assert (principal, state.approvals) == (SOMEBODY, 1)
    guard.denies = "not on Sundays"
    denied = await plant.command("Spare1", 3.5)
    assert (denied.state, denied.steps[-1].code) == ("denied", "edge.command_guarded")
    assert plant.told() == [2.5]


async def test_what_the_server_lets_nobody_write_fails_with_its_status(plant):
    await plant.start(("Spare1", f"{NS};s=Spare1"), ("gone", f"{NS};s=Gone"))
    plant.peer.ask("protect", node="ns=1;s=Spare1")
    failed = await plant.command("Spare1", 2.5)
    assert (failed.state, failed.q) == ("failed", 0x801F0000)
    assert (await plant.command("gone", 1.0)).state == "failed"
    unfit = await plant.command("Spare1", "text")
    assert unfit.state == "denied"


async def test_a_value_beyond_the_nodes_type_is_not_sent(plant):
    await plant.start(("Byte", f"{NS};s=Byte", "integer"))
    plant.peer.ask("watch", node="ns=1;s=Byte")
    failed = await plant.command("Byte", 256)
    assert (failed.state, "0 to 255" in failed.steps[-1].detail) == ("failed", True)
    assert plant.told() == []


async def test_a_value_that_does_not_become_the_one_written_fails_after_its_time(plant, lane, until):
    await plant.start(("Spare1", f"{NS};s=Spare1"), verify_seconds=0.5)
    plant.peer.ask("watch", node="ns=1;s=Spare1", answer="Good")
    await until(lambda: lane.of(1))  # the server may need all of the time to answer once more
    failed = await plant.command("Spare1", 2.5)
    assert [step.state for step in failed.steps] == ["armed", "executed", "failed"]
    assert failed.read == 1.0


async def test_a_lost_answer_is_indeterminate_and_the_same_id_is_not_written_again(plant, wire, make_device, run, tools, tmp_path, guard, until, trust):  # fmt: skip
    await trust(plant.peer.url)
    cable = await wire(plant.peer.port)
    plant.peer.ask("watch", node="ns=1;s=Spare1", delay=60_000)  # longer than anybody waits
    device = make_device(cable.url, [("Spare1", f"{NS};s=Spare1")])
    point = replace(device.points[0], access="read-write")
    runner = await run(replace(device, points=(point,)))
    executor = Executor(
        {"press": runner}.get, tools.board, Journal(tmp_path / "cut", "gateway"), lambda: guard, "gateway"
    )
    asked = Execute(
        command="c1", device="press", point="Spare1", value=9.0, expires=clock.now_us() + 60_000_000, seconds=60.0,
        principal=SOMEBODY,
    )  # fmt: skip
    running = asyncio.create_task(executor.execute(asked))
    await until(lambda: plant.told() == [9.0])
    cable.cut()
    outcome = await running
    assert [step.state for step in outcome.steps] == ["armed", "indeterminate"]
    cable.mend()
    await until(lambda: runner.status().state == "connected")
    assert await executor.execute(asked) == outcome
    assert plant.told() == [9.0]
    await executor.close(1)


async def test_a_device_that_is_away_is_refused(plant, until):
    await plant.start(("Spare1", f"{NS};s=Spare1"))
    plant.peer.kill()
    await until(lambda: plant.runner.status().state == "lost")
    denied = await plant.command("Spare1", 2.0)
    assert (denied.state, denied.steps[-1].code) == ("denied", "edge.command_device_stale")


async def test_the_source_is_a_writer(plant):
    await plant.start(("Spare1", f"{NS};s=Spare1"))
    assert isinstance(plant.runner.writer, Writer)
    with pytest.raises(IndexError):
        plant.runner.writer.operations([Write(9, 1.0)])
