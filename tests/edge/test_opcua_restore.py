"""Connections that break: what is written, what comes back, and that nothing the server still has is lost."""

import contextlib
import math
import signal

import pytest

from lineshaft.bus.server import free_port
from lineshaft.edge.model import ScanGroup
from lineshaft.edge.runner import DeviceRunner
from lineshaft.edge.settings import EdgeSettings

pytestmark = pytest.mark.peer("node", "npm")

NS = "nsu=urn:lineshaft:test:peer"
LAST_USABLE, NO_COMMUNICATION = 0x408F0000, 0x80310000
COUNTER, STEADY = ("C0", f"{NS};s=C0"), ("Double", f"{NS};s=Double")


@pytest.fixture
def fragile(serve, tmp_path):
    """Start foreign servers to kill, all with the same certificate."""
    return lambda port: serve(tmp_path / "fragile", port=port, items=50, hz=20)


@pytest.fixture
def frozen(peer):
    """Hold the peer still while the block runs, connections and all."""

    @contextlib.contextmanager
    def hold():
        peer.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            peer.process.send_signal(signal.SIGCONT)

    return hold


def statuses(lane, tag):
    return [q for _, q, _ in lane.of(tag)]


async def test_a_cut_connection_is_taken_up_again_and_not_one_value_is_lost(
    peer, counting, wire, trust, run, lane, make_device, until
):
    between = await wire(peer.port)
    await trust(between.url)
    before = peer.ask("sessions")["sessions"]
    runner = await run(make_device(between.url, [(f"C{number}", f"{NS};s=C{number}") for number in range(50)]))
    await until(lambda: len(lane.rows) >= 50)
    first = int(lane.of(1)[0][2])
    with counting:
        for losses in (1, 2, 3):
            await until(lambda losses=losses: len(lane.of(1)) > 8 * losses)
            between.cut()
            await until(lambda losses=losses: runner.intake.counts["losses"] == losses)
            rows = len(lane.rows)
            between.mend()
            # What was kept comes before the runner calls itself connected, and only then is there something to lose.
            await until(lambda rows=rows: len(lane.rows) > rows and runner.status().state == "connected")
    assert peer.ask("sessions")["sessions"] <= before + 1  # the same session, taken up each time
    everything = set(range(first, counting.ticks + 1))
    for tag in range(1, 51):
        await until(lambda tag=tag: {value for _, q, value in lane.of(tag) if q == 0} == everything)
        assert statuses(lane, tag).count(LAST_USABLE) == 3
    assert lane.gaps == []


async def test_a_restarted_server_has_lost_the_subscription_and_the_gap_says_so(
    fragile, trust, run, lane, make_device, until
):
    server = fragile(free_port("127.0.0.1"))  # which nobody is given while it is down
    await trust(server.url)
    runner = await run(make_device(server.url, [COUNTER, STEADY]))
    await until(lambda: len(lane.rows) >= 2)
    server.order("start")
    await until(lambda: len(lane.of(1)) > 5)
    server.kill()
    await until(lambda: runner.status().state == "lost")
    assert statuses(lane, 1)[-1] == LAST_USABLE
    assert lane.of(1)[-1][2] == lane.of(1)[-2][2]  # the last good value
    assert statuses(lane, 2) == [0, LAST_USABLE]
    newest = max(ts for ts, q, _ in lane.of(1) if q == 0)
    fragile(server.port)
    await until(lambda: runner.status().state == "connected")
    await until(lambda: statuses(lane, 1)[-1] == 0 and statuses(lane, 2)[-1] == 0)
    (gap,) = lane.gaps
    assert gap.cause == "sequence"
    assert gap.from_ts <= newest < gap.to_ts
    assert runner.intake.counts["losses"] == 1


async def test_a_value_that_never_changes_is_good_again_after_a_cut(peer, wire, trust, run, lane, make_device, until):
    between = await wire(peer.port)
    await trust(between.url)
    runner = await run(make_device(between.url, [STEADY]))
    await until(lambda: lane.rows)
    between.cut()
    await until(lambda: runner.intake.counts["losses"] == 1)
    between.mend()
    await until(lambda: len(lane.of(1)) == 3)
    (first, _, _), (lost, q, value), (again, q_again, value_again) = lane.of(1)
    assert (q, value) == (LAST_USABLE, 0.1)
    assert (q_again, value_again) == (0, 0.1)
    assert first < lost < again


async def test_a_server_that_falls_silent_counts_as_lost(peer, frozen, trust, run, lane, make_device, until):
    await trust(peer.url)
    runner = await run(make_device(peer.url, [STEADY], keep_alive_seconds=0.5, timeout_seconds=5))
    await until(lambda: statuses(lane, 1)[-1:] == [0])
    with frozen():
        await until(lambda: runner.status().state == "lost")
        assert statuses(lane, 1)[-1] == LAST_USABLE
    await until(lambda: runner.status().state == "connected")
    await until(lambda: statuses(lane, 1)[-1] == 0)


async def test_a_polled_device_that_falls_silent_counts_as_lost_and_comes_back(
    peer, counting, frozen, trust, run, lane, make_device, until
):
    await trust(peer.url)
    group = ScanGroup(period_ms=50, mode="poll")
    runner = await run(make_device(peer.url, [COUNTER, STEADY], group=group, timeout_seconds=8))
    with counting:
        await until(lambda: len(lane.of(1)) > 5)
        assert len(lane.of(2)) == 1  # the same sample, however often it is read
        with frozen():
            await until(lambda: runner.status().state == "lost")
            assert statuses(lane, 2) == [0, LAST_USABLE]
        await until(lambda: statuses(lane, 2) == [0, LAST_USABLE, 0])
        before = len(lane.of(1))
        await until(lambda: len(lane.of(1)) > before + 3)


async def test_a_device_that_never_answered_is_bad_without_a_value_once(run, lane, make_device, until):
    nobody = "opc.tcp://127.0.0.1:1"  # a port that nobody is given by chance
    runner = await run(make_device(nobody, [COUNTER, STEADY]), connected=False)
    await until(lambda: runner.status().state == "lost")
    status = runner.status()
    assert (status.code, status.points) == ("edge.device_unreachable", 2)
    assert [(tag, q, math.isnan(value)) for tag, _, _, q, value in lane.rows] == [
        (1, NO_COMMUNICATION, True), (2, NO_COMMUNICATION, True),
    ]  # fmt: skip


async def test_a_refused_device_is_tried_again_at_once_when_told(peer, tools, lane, make_device, until):
    runner = DeviceRunner(make_device(peer.url, [STEADY]), lane, tools, EdgeSettings(retry_most_seconds=3600))
    runner.start()
    try:
        await until(lambda: runner.status().state == "refused")
        assert runner.status().code == "edge.server_untrusted"
        tools.certificates.trust_rejected(tools.certificates.known()[0].fingerprint)
        runner.retry()
        await until(lambda: runner.status().state == "connected")
    finally:
        await runner.stop()


async def test_a_stopped_runner_leaves_no_session_behind(peer, trust, run, make_device, until):
    await trust(peer.url)
    before = peer.ask("sessions")["sessions"]
    runner = await run(make_device(peer.url, [STEADY]))
    assert peer.ask("sessions")["sessions"] == before + 1
    await runner.stop()
    await until(lambda: peer.ask("sessions")["sessions"] == before)
