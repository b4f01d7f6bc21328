"""What the guard and the proxies have to say reaches the audit trail, whatever is away meanwhile, and once."""

import asyncio
from types import SimpleNamespace

import pytest

from lineshaft.access import audit
from lineshaft.access.grants import GRANTS
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home
from lineshaft.edge.audit import journal
from lineshaft.edge.audit import part as audit_part
from lineshaft.edge.audit.journal import Event, Journal
from lineshaft.edge.audit.part import AuditPart
from lineshaft.edge.audit.trail import GuardTrail
from lineshaft.edge.commands.part import CommandsPart
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.part import GuardPart
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts import Surroundings
from lineshaft.edge.parts.model import CHECKS, PARTS
from lineshaft.edge.proxies.passed import MOST_WAITING, PassedWrites

CONFIG = GatewayConfig(gateway="north", version=1, created="")
PANEL = GuardPrincipal(id="10.0.0.9", kind="device", foreign=True)


def write(start=40, value=1.0):
    return Operation.of(
        [value], protocol="modbus", device="meter", function="write_single_register", space="holding", start=start,
        points=("speed",),
    )  # fmt: skip


class Recorder:
    def __init__(self):
        self.noted = []
        self.away = False

    async def note(self, facts):
        if self.away:
            raise Unavailable("edge.audit_not_kept", "the disk is full", "")
        self.noted.append(facts)


@pytest.fixture
async def gateway(tmp_path, tools):
    """The guard and the audit part of a gateway; its bus is given."""
    made = []

    def make(bus):
        here = Surroundings(
            context=SimpleNamespace(home=Home(tmp_path / "gateway")), gateway="north", bus=bus, tools=tools,
            runner=lambda _: None, part=lambda name: {"guard": guard, "commands": commands}[name],
        )  # fmt: skip
        guard, commands = GuardPart(here), CommandsPart(here)
        part = AuditPart(here)
        made.append(part)
        made.append(guard)
        return SimpleNamespace(guard=guard, part=part)

    yield make
    for part in made:
        await part.close()


def entries(database):
    with database.read() as connection:
        return list(reversed(audit.read(connection, "main", before=None, limit=100)))


async def test_a_refused_foreign_write_stands_in_the_trail_with_who_what_and_which_rule(
    tmp_path, gateway, database, until, tools
):
    async with embedded_bus(tmp_path) as box:
        bus = await box.connect("north")
        web = await box.connect("web", GRANTS["web"].streams(bus.subjects, "web"))
        north = gateway(bus)
        await north.part.apply(None, CONFIG)
        forbid = '@id("never") forbid (principal, action, resource) when { context.start == 41 };'
        await north.guard.apply({"policy": f"permit (principal, action, resource); {forbid}"}, CONFIG)
        north.guard.check([write(41, 7.5)], PANEL, State())
        await north.guard.guard.events.drain(north.part)
        trail = asyncio.create_task(GuardTrail(database, web, Home(tmp_path / "hub")).run())
        await until(lambda: any(entry.action == "guard:denied" for entry in entries(database)))
        denied = next(entry for entry in entries(database) if entry.action == "guard:denied")
        assert (denied.resource, denied.outcome, denied.kind, denied.principal) == (
            "meter/speed",
            "denied",
            "denial",
            "",
        )
        facts = denied.facts
        assert (facts["client"], facts["function"], facts["start"], facts["values"], facts["rules"], facts["gateway"]) == (
            "10.0.0.9", "write_single_register", 41, [7_500_000], ["never"], "north",
        )  # fmt: skip
        await until(lambda: north.part.status() == {"waiting": 0})
        trail.cancel()
        await asyncio.gather(trail, return_exceptions=True)
        count = len(entries(database))
        again = asyncio.create_task(GuardTrail(database, web, Home(tmp_path / "other")).run())
        await north.part.note({"action": "guard.presence", "foreign": False, "principal": "99/ada"})
        await until(lambda: len(entries(database)) > count)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        last = entries(database)[-1]
        assert len(entries(database)) == count + 1, "read from the beginning, nothing was entered twice"
        assert (last.action, last.principal, last.outcome) == ("guard:presence", "99/ada", "done")


class LostBus:
    async def publish_event(self, *_, **__):
        raise Unavailable("bus.unreachable", "the bus is away", "")


async def test_events_wait_on_disk_while_the_bus_is_away_and_survive_a_restart(gateway, until):
    north = gateway(LostBus())
    await north.part.apply(None, CONFIG)
    await north.part.note({"action": "guard.denied", "start": 1})
    await until(lambda: not north.part.checks()[0].ok)
    assert "the bus is away" in north.part.checks()[0].detail
    await north.part.close()
    sent = []

    class Bus:
        async def publish_event(self, package, type_, event, *, id_, about):
            sent.append((package, type_, event.facts, about))

    after = gateway(Bus())
    await after.part.apply(None, CONFIG)
    await until(lambda: after.part.status() == {"waiting": 0})
    assert sent == [("edge", "guard", {"action": "guard.denied", "start": 1}, "north")]
    assert after.guard.recorder is after.part


async def test_like_denials_are_one_event_that_reaches_over_all_their_addresses(gateway):
    north = gateway(LostBus())
    recorder = north.guard.recorder = Recorder()
    north.guard.check([write(40), write(38), write(47)], PANEL, State())
    await north.guard.guard.events.drain(recorder)
    (denied,) = recorder.noted
    assert (denied["start"], denied["end"], denied["count"]) == (38, 47, 3)


def test_a_line_that_was_cut_off_is_left_out_and_said(tmp_path):
    kept = Journal(tmp_path)
    for number in range(3):
        kept.keep(Event(str(number), {"n": number}))
    file = tmp_path / "waiting"
    file.write_bytes(file.read_bytes()[:-5])
    again = Journal(tmp_path)
    assert [event.id for event in again.waiting] == ["0", "1"]
    assert again.damaged == 1
    again.keep(Event("3", {}))
    assert [event.id for event in Journal(tmp_path).waiting] == ["0", "1", "3"]
    again.forget(3)
    assert file.read_bytes() == b""


def test_more_than_can_wait_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "MOST", 1)
    kept = Journal(tmp_path)
    kept.keep(Event("0", {}))
    with pytest.raises(Unavailable, match="wait for the bus"):
        kept.keep(Event("1", {}))


async def test_writes_to_one_place_are_one_event_with_count_and_extent():
    recorder = Recorder()
    passed = PassedWrites(lambda: recorder)
    passed.start()
    verdict = Verdict(allowed=True, rules=("panel",))
    for value in (3.0, 1.0, 2.0):
        passed.note(PANEL, [write(40, value)], [verdict], {"address": "10.0.0.9"})
    passed.note(PANEL, [write(41)], [verdict], {"address": "10.0.0.9"})
    await passed.close()
    one, other = recorder.noted
    assert (one["action"], one["count"], one["minimum"], one["maximum"], one["values"], one["rules"]) == (
        "guard.passed", 3, 1_000_000, 3_000_000, [2_000_000], ["panel"],
    )  # fmt: skip
    assert (other["start"], other["count"], other["address"]) == (41, 1, "10.0.0.9")


async def test_what_cannot_be_recorded_waits_and_too_much_of_it_is_full():
    recorder = Recorder()
    recorder.away = True
    passed = PassedWrites(lambda: recorder)
    for start in range(MOST_WAITING):
        passed.note(PANEL, [write(start)], [Verdict(allowed=True)], {})
    assert passed.full
    await passed._drain()
    assert "disk is full" in passed.failed
    recorder.away = False
    await passed._drain()
    assert len(recorder.noted) == MOST_WAITING
    assert not passed.full
    assert passed.failed == ""


def test_the_parts_are_named_in_the_order_that_they_need():
    order = list(PARTS)
    assert order.index("guard") < order.index("audit") < min(order.index("modbus_proxy"), order.index("opcua_proxy"))
    assert {"modbus_proxy", "opcua_proxy"} <= set(CHECKS)


async def test_denials_of_one_client_do_not_use_up_the_room_while_the_bus_is_away(gateway, tmp_path, monkeypatch):
    monkeypatch.setattr(audit_part, "MOST_DENIED_OF_ONE", 5)

    class Away:
        async def publish_event(self, *_, **__):
            raise Unavailable("bus.down", "no", "")

    north = gateway(Away())
    await north.part.apply(None, CONFIG)
    for number in range(20):
        await north.part.note({"action": "guard.denied", "principal": "10.0.0.9", "count": 2, "at": str(number)})
    await north.part.note({"action": "guard.passed", "principal": "10.0.0.9"})
    await north.part.note({"action": "guard.denied", "principal": "10.0.0.8", "count": 1})
    assert north.part.status() == {"waiting": 7, "counted": 30}
    await north.part.close()
    kept = [event.facts for event in Journal(tmp_path / "gateway/edge/audit").waiting]
    assert sum(facts.get("count", 0) for facts in kept if facts["principal"] == "10.0.0.9") == 40
