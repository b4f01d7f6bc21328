"""The gateway's side of commands, against a machine in memory: what is refused, what is written once, what is remembered."""

import asyncio
import math
import sys
from pathlib import Path

import msgspec
import pytest

from lineshaft.core import clock, quality
from lineshaft.core.errors import Conflict, Corrupt, Unavailable
from lineshaft.edge.commands import denied as denied_commands
from lineshaft.edge.commands import journal as journals
from lineshaft.edge.commands.checks import digest
from lineshaft.edge.commands.executor import Executor
from lineshaft.edge.commands.journal import Journal
from lineshaft.edge.commands.leases import Leases
from lineshaft.edge.commands.messages import Cancel, Execute, Outcome, Standing
from lineshaft.edge.commands.model import Lease, Step
from lineshaft.edge.driver import Written
from lineshaft.edge.guard.model import GuardPrincipal, Verdict

sys.path.insert(0, str(Path(__file__).parent))
from commands_machine import Machine, device, point

SOMEBODY = GuardPrincipal(id="h/olga", name="olga", kind="person", roles=frozenset({"operator"}))


class Guard:
    denies = ""

    def check(self, operations, _principal, _state):
        return [Verdict(allowed=not self.denies, reason=self.denies) for _ in operations]


@pytest.fixture
def make(tmp_path):
    """An executor over one machine; made again, it is the gateway after a crash."""
    journals_made = []

    def build(machine, guard=None, others=()):
        for before in journals_made:
            before.close()
        journal = Journal(tmp_path / "commands", "gateway")
        journals_made.append(journal)
        machines = {each.device.name: each for each in (machine, *others)}
        return Executor(machines.get, machine.board, journal, lambda: guard or Guard(), "gateway")

    yield build
    for journal in journals_made:
        journal.close()


def ask(name, value, command="c1", seconds=60.0, **more):
    expires = more.pop("expires", clock.now_us() + round(seconds * 1e6))
    return Execute(
        command=command, device=more.pop("device", "press"), point=name, value=value, seconds=seconds, expires=expires,
        principal=SOMEBODY, **more,
    )  # fmt: skip


def states(outcome):
    return [step.state for step in outcome.steps]


async def test_a_value_is_written_and_read_back(make):
    machine = Machine(device(point("speed")))
    machine.show("speed", 1.0)
    outcome = await make(machine).execute(ask("speed", 2.5))
    assert states(outcome) == ["armed", "executed", "verified"]
    assert (outcome.before, outcome.read, outcome.q) == (1.0, 2.5, 0)
    assert machine.told == [("speed", 2.5)]


async def test_the_same_id_is_written_once_whenever_it_comes_again(make):
    machine = Machine(device(point("speed")))
    machine.pause = asyncio.Event()
    executor = make(machine)
    twice = [asyncio.create_task(executor.execute(ask("speed", 2.5))) for _ in range(3)]
    await asyncio.sleep(0)
    machine.pause.set()
    first, *others = await asyncio.gather(*twice)
    assert others == [first, first]
    assert await executor.execute(ask("speed", 9.0)) == first
    assert await make(machine).execute(ask("speed", 9.0)) == first  # after a restart
    assert machine.told == [("speed", 2.5)]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("speed", 10.5, "edge.command_out_of_range"), ("speed", -0.5, "edge.command_out_of_range"),
        ("speed", math.nan, "edge.command_value_unfit"), ("speed", math.inf, "edge.command_value_unfit"),
        ("speed", True, "edge.command_value_unfit"), ("speed", "fast", "edge.command_value_unfit"),
        ("count", 1.5, "edge.command_value_unfit"), ("count", 101, "edge.command_out_of_range"),
        ("open", 1, "edge.command_value_unfit"), ("label", 5, "edge.command_value_unfit"),
        ("label", "länger", "edge.command_value_unfit"), ("level", 1.0, "edge.point_not_writable"),
        ("nothing", 1.0, "edge.point_unknown"), ("range", 11.0, "edge.command_out_of_range"),
    ],
)  # fmt: skip
async def test_what_the_point_does_not_take_is_denied_and_not_written(make, name, value, code):
    machine = Machine(
        device(
            point("speed", minimum=0.0, maximum=10.0), point("count", "integer", maximum=100.0), point("open", "boolean"),
            point("label", "text", length=6), point("level", access="read"), point("range", low=0.0, high=10.0),
        )
    )  # fmt: skip
    outcome = await make(machine).execute(ask(name, value))
    assert (outcome.state, outcome.steps[-1].code) == ("denied", code)
    assert machine.told == []


async def test_the_write_rules_come_before_what_the_value_can_be_and_that_before_its_range(make):
    machine = Machine(device(point("speed", maximum=50.0, high=10.0), point("slow", high=100.0)))
    executor = make(machine)
    assert (await executor.execute(ask("speed", 40.0, "c1"))).state == "verified"
    assert (await executor.execute(ask("slow", 90.0, "c2"))).state == "verified"


async def test_a_stale_or_unknown_device_is_refused(make):
    machine = Machine(device(point("speed")))
    machine.trouble = "it is lost"
    executor = make(machine)
    assert (await executor.execute(ask("speed", 1.0))).steps[-1].code == "edge.command_device_stale"
    unknown = await executor.execute(ask("speed", 1.0, "c2", device="mill"))
    assert unknown.steps[-1].code == "edge.command_device_not_run"
    assert machine.told == []


async def test_a_change_is_limited_from_the_value_that_is_there_and_over_time(make, monkeypatch):
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    machine = Machine(device(point("speed", rate=5.0)))
    executor = make(machine)
    assert (await executor.execute(ask("speed", 1.0, "c0"))).steps[-1].code == "edge.command_value_unknown"
    machine.show("speed", 10.0)
    assert (await executor.execute(ask("speed", 15.5, "c1"))).steps[-1].code == "edge.command_too_fast"
    assert (await executor.execute(ask("speed", 15.0, "c2"))).state == "verified"
    now[0] += 0.9
    assert (await executor.execute(ask("speed", 19.9, "c3"))).steps[-1].code == "edge.command_too_fast"  # too soon
    now[0] += 0.1
    assert (await executor.execute(ask("speed", 19.9, "c4"))).state == "verified"
    machine.show("speed", 15.0, quality.BAD_NO_COMMUNICATION)
    assert (await executor.execute(ask("speed", 15.1, "c5"))).steps[-1].code == "edge.command_value_unknown"


async def test_an_interlock_must_be_true_on_fresh_good_values(make):
    rule = 'tag("press/open") && tag("mill/level") < 5'
    machine = Machine(device(point("speed", interlock=rule), point("open", "boolean")))
    mill = Machine(device(point("level"), name="mill"), machine.board)
    executor = make(machine, others=[mill])

    async def reason(command):
        step = (await executor.execute(ask("speed", 1.0, command))).steps[-1]
        return step.detail if step.code == "edge.command_interlocked" else step.state

    assert "has no value" in await reason("c1")
    machine.show("open", True)
    mill.show("level", 6.0)
    assert "is not true" in await reason("c2")
    mill.show("level", 4.0, quality.BAD_NO_COMMUNICATION)
    assert "press" in await reason("c3")
    mill.show("level", 4.0)
    mill.trouble = "it has not answered"
    assert "not fresh and good" in await reason("c4")
    mill.trouble = ""
    assert await reason("c5") == "verified"
    assert machine.told == [("speed", 1.0)]


async def test_class_a_needs_a_second_person_whatever_the_server_says(make):
    machine = Machine(device(point("speed", classification="A")))
    executor = make(machine)
    assert (await executor.execute(ask("speed", 1.0, "c1"))).steps[-1].code == "edge.command_unapproved"
    own = await executor.execute(ask("speed", 1.0, "c2", approver=SOMEBODY.id))
    assert own.steps[-1].code == "edge.command_unapproved"
    assert (await executor.execute(ask("speed", 1.0, "c3", approver="h/pavel"))).state == "verified"


async def test_the_guard_has_the_last_word(make):
    machine, guard = Machine(device(point("speed"))), Guard()
    guard.denies = "no rule permits it"
    denied = await make(machine, guard).execute(ask("speed", 1.0))
    assert (denied.state, denied.steps[-1].code, machine.told) == ("denied", "edge.command_guarded", [])


async def test_without_a_guard_nothing_is_written(make, tmp_path):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    executor._guard = lambda: None
    denied = await executor.execute(ask("speed", 1.0))
    assert (denied.state, denied.steps[-1].code, machine.told) == ("denied", "edge.command_unguarded", [])


async def test_expired_by_the_clock_or_by_the_time_since_it_came(make):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    late = await executor.execute(ask("speed", 1.0, "c1", expires=clock.now_us() - 1))
    gone = await executor.execute(ask("speed", 1.0, "c2", seconds=0.0, expires=clock.now_us() + 10**9))
    assert (late.state, gone.state, machine.told) == ("expired", "expired", [])


async def test_one_that_waits_behind_another_expires_there(make):
    machine = Machine(device(point("speed")))
    machine.pause = asyncio.Event()
    executor = make(machine)
    first = asyncio.create_task(executor.execute(ask("speed", 1.0, "c1")))
    second = asyncio.create_task(executor.execute(ask("speed", 2.0, "c2", seconds=0.05)))
    await asyncio.sleep(0.1)
    machine.pause.set()
    assert [(await each).state for each in (first, second)] == ["verified", "expired"]
    assert machine.told == [("speed", 1.0)]


async def test_a_dry_run_checks_and_neither_writes_nor_remembers(make):
    machine = Machine(device(point("speed", maximum=5.0)))
    executor = make(machine)
    assert (await executor.execute(ask("speed", 1.0, dry_run=True))).state == "armed"
    assert (await executor.execute(ask("speed", 9.0, dry_run=True))).state == "denied"
    assert machine.told == []
    assert (await executor.execute(ask("speed", 1.0))).state == "verified"


async def test_a_dry_run_of_class_a_says_what_becomes_of_it_once_approved(make):
    machine = Machine(device(point("speed", maximum=5.0, classification="A")))
    executor = make(machine)
    assert (await executor.execute(ask("speed", 1.0, dry_run=True))).state == "armed"
    assert (await executor.execute(ask("speed", 9.0, dry_run=True))).state == "denied"
    assert (await executor.execute(ask("speed", 1.0))).state == "denied"
    assert machine.told == []


async def test_what_the_machine_says_decides_what_is_said(make):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    machine.answer = Written(q=0x801F0000, detail="locked")
    refused = await executor.execute(ask("speed", 1.0, "c1"))
    assert (refused.state, refused.q) == ("failed", 0x801F0000)
    machine.answer = Written(lost=True)
    assert states(await executor.execute(ask("speed", 1.0, "c2"))) == ["armed", "indeterminate"]
    machine.fails = Unavailable("edge.example", "nothing was sent")
    assert (await executor.execute(ask("speed", 1.0, "c3"))).state == "failed"
    machine.fails = ValueError("a fault of ours")
    assert (await executor.execute(ask("speed", 1.0, "c4"))).state == "indeterminate"
    machine.fails, machine.answer, machine.takes = None, Written(), False
    machine.show("speed", 7.0)
    unheld = await executor.execute(ask("speed", 1.0, "c5"))
    assert (states(unheld), unheld.read) == (["armed", "executed", "failed"], 7.0)


async def test_what_cannot_be_read_is_executed_and_not_verified(make):
    machine = Machine(device(point("speed", access="write")))
    machine.takes = False
    outcome = await make(machine).execute(ask("speed", 1.0))
    assert (outcome.state, outcome.settled) == ("executed", True)


async def test_a_tolerance_and_a_raw_unit_count_when_reading_back(make):
    machine = Machine(device(point("speed", tolerance=0.5), point("scaled", scale="1/10")))
    executor = make(machine)
    machine.takes = False
    for name, shown, command, state in (
        ("speed", 1.5, "c1", "verified"), ("speed", 1.6, "c2", "failed"), ("scaled", 1.04, "c3", "verified"),
        ("scaled", 1.06, "c4", "failed"),
    ):  # fmt: skip
        machine.show(name, shown)
        assert (await executor.execute(ask(name, 1.0, command))).state == state, (name, shown)


async def test_a_time_is_compared_as_a_time_however_the_machine_writes_it(make):
    machine = Machine(device(point("due", "text"), point("name", "text")))
    executor = make(machine)
    machine.takes = False
    for name, written, shown, command, state in (
        ("due", "2026-01-01T08:00:00Z", "2026-01-01T08:00:00.000000Z", "c1", "verified"),
        ("due", "2026-01-01T08:00:00.123456Z", "2026-01-01T09:00:00.123+01:00", "c2", "verified"),
        ("due", "2026-01-01T08:00:00Z", "2026-01-01T08:00:01Z", "c3", "failed"),
        ("name", "20260101", "2026-01-01", "c4", "failed"),
    ):  # fmt: skip
        machine.show(name, shown)
        assert (await executor.execute(ask(name, written, command))).state == state, (written, shown)


# -- leases, withdrawal, denials ----------------------------------------------------------------------------------------------


def standing(principal="h/pavel", known=None, seconds=60.0, device="press"):
    """Who has the device; nobody where `principal` is empty."""
    known = known or clock.now_us()
    lease = Lease(
        device=device, principal=principal, name=principal, taken=known, until=known + round(seconds * 1e6)
    ) if principal else None  # fmt: skip
    return Standing(device=device, known=known, lease=lease)


async def test_a_lease_taken_while_a_command_was_on_its_way_refuses_it(make):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    before = Standing(device="press", known=clock.now_us() - 1000)
    await executor.learn_lease(standing())
    late = await executor.execute(ask("speed", 1.0, "c1", standing=before))
    assert (late.state, late.steps[-1].code) == ("denied", "edge.device_leased")
    freed = standing("", clock.now_us() + 1000)
    assert (await executor.execute(ask("speed", 1.0, "c2", standing=freed))).state == "verified"
    await executor.learn_lease(standing(known=freed.known - 1))
    assert (await executor.execute(ask("speed", 2.0, "c3"))).state == "verified", "an older word changes nothing"


async def test_what_was_asked_under_a_lease_is_not_done_after_its_end(make):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    mine = standing(SOMEBODY.id)
    assert (await executor.execute(ask("speed", 1.0, "c1", standing=mine))).state == "verified"
    await executor.learn_lease(Standing(device="press", known=mine.known + 1))
    over = await executor.execute(ask("speed", 2.0, "c2", standing=mine))
    assert (over.steps[-1].code, machine.told) == ("edge.lease_over", [("speed", 1.0)])


def test_a_lease_survives_a_restart_of_the_gateway_and_ends_by_itself(tmp_path, monkeypatch):
    leases = Leases(tmp_path)
    assert leases.adopt(standing())
    leases.keep()
    again = Leases(tmp_path)
    with pytest.raises(Conflict, match="h/pavel alone writes"):
        again.check("press", SOMEBODY.id)
    again.check("press", "h/pavel")
    again.check("mill", SOMEBODY.id)
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + 61)
    again.check("press", SOMEBODY.id)


async def test_a_command_that_was_withdrawn_before_it_came_is_not_carried_out(make):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    assert (await executor.cancel(Cancel(command="c1", by="olga"))).state == "cancelled"
    for gateway in (executor, make(machine)):  # also after a restart
        assert (await gateway.execute(ask("speed", 1.0))).state == "cancelled"
    done = await (again := make(machine)).execute(ask("speed", 1.0, "c2"))
    assert await again.cancel(Cancel(command="c2", by="olga")) == done
    assert machine.told == [("speed", 1.0)]


async def test_a_point_that_is_configured_otherwise_by_now_is_not_written(make):
    of = device(point("speed"))
    machine = Machine(of)
    executor = make(machine)
    seen = digest(of, of.points[0])
    assert (await executor.execute(ask("speed", 1.0, "c1", stands=seen))).state == "verified"
    machine.device = device(msgspec.structs.replace(of.points[0], address="ns=1;s=another"))
    denied = await executor.execute(ask("speed", 2.0, "c2", stands=seen))
    assert (denied.steps[-1].code, machine.told) == ("edge.command_point_changed", [("speed", 1.0)])


async def test_a_device_that_is_replaced_while_the_disk_is_slow_is_not_written(make):
    machine, other = Machine(device(point("speed"))), Machine(device(point("speed")))
    executor = make(machine)
    keep = executor._journal.keep

    def slow(outcome):
        keep(outcome)
        executor._machine = {"press": other}.get

    executor._journal.keep = slow
    outcome = await executor.execute(ask("speed", 1.0))
    assert (states(outcome), outcome.steps[-1].code) == (["armed", "denied"], "edge.command_point_changed")
    assert machine.told == other.told == []


async def test_a_flood_of_denied_commands_does_not_fill_the_journal_and_is_counted(make, monkeypatch):
    monkeypatch.setattr(denied_commands, "KEPT_OF_ONE", 5)
    machine = Machine(device(point("speed", maximum=5.0)))
    executor = make(machine)
    told = []
    executor._tell = lambda asked, outcome: told.append((asked.command, outcome.state))
    outcomes = [await executor.execute(ask("speed", 9.0, f"c{number}")) for number in range(20)]
    assert {outcome.state for outcome in outcomes} == {"denied"}
    assert (len(executor._journal), executor.denied_unkept, len(told)) == (5, 15, 15)
    assert await executor.execute(ask("speed", 1.0, "c19")) == outcomes[-1], "the same id has the same answer"
    other = msgspec.structs.replace(ask("speed", 1.0, "c30"), principal=GuardPrincipal(id="h/pavel"))
    assert (await executor.execute(other)).state == "verified"


# -- the journal --------------------------------------------------------------------------------------------------------------


def armed(command, *more):
    steps = (Step(state="armed", time=clock.now_us(), by="gateway"), *more)
    return Outcome(command=command, steps=steps, settled=False)


async def test_after_a_crash_what_was_under_way_is_indeterminate_and_never_written_again(make, tmp_path):
    machine = Machine(device(point("speed")))
    executor = make(machine)
    journal = executor._journal
    journal.keep(armed("c1"))
    journal.keep(armed("c2", Step(state="executed", time=clock.now_us(), by="gateway")))
    again = make(machine)
    for command, words in (("c1", "before the machine's answer"), ("c2", "had taken the value")):
        outcome = await again.execute(ask("speed", 1.0, command))
        assert outcome.state == "indeterminate"
        assert words in outcome.steps[-1].detail
    assert machine.told == []


def test_half_a_line_is_dropped_and_a_damaged_one_stops_everything(tmp_path):
    journal = Journal(tmp_path, "gateway")
    journal.keep(armed("c1"))
    journal.close()
    file = tmp_path / "journal"
    whole = file.read_bytes()
    file.write_bytes(whole + b"1234abcd {half")
    journal = Journal(tmp_path, "gateway")
    journal.keep(armed("c2"))
    journal.close()
    journal = Journal(tmp_path, "gateway")
    assert journal.known("c2").state == "indeterminate"
    journal.close()
    file.write_bytes(whole.replace(b"armed", b"Armed") + whole)
    with pytest.raises(Corrupt) as caught:
        Journal(tmp_path, "gateway")
    assert caught.value.facts["line"] == 1


def test_two_gateways_do_not_share_a_journal(tmp_path):
    first = Journal(tmp_path, "gateway")
    with pytest.raises(Conflict):
        Journal(tmp_path, "gateway")
    first.close()


async def test_a_full_disk_denies_before_anything_is_written(make, monkeypatch):
    machine = Machine(device(point("speed")))
    executor = make(machine)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journals.os, "fsync", full)
    denied = await executor.execute(ask("speed", 1.0))
    assert (denied.state, denied.steps[-1].code, machine.told) == ("denied", "edge.command_not_kept", [])
    monkeypatch.undo()
    assert (await executor.execute(ask("speed", 1.0))).state == "verified"


def test_the_file_is_written_anew_without_what_is_too_old_and_nothing_recent_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "COMPACT_BYTES", 4000)
    journal = Journal(tmp_path, "gateway")
    journal._compact_at = 4000
    old = Step(state="verified", time=clock.now_us() - journals.KEPT_US - 1, by="gateway")
    for number in range(40):
        journal.keep(Outcome(command=f"old{number}", steps=(old,)))
    for number in range(5):
        journal.keep(msgspec.structs.replace(armed(f"new{number}"), settled=True))
    journal.close()
    assert (tmp_path / "journal").stat().st_size < 5000
    again = Journal(tmp_path, "gateway")
    assert all(again.known(f"new{number}") for number in range(5))
    assert again.known("old0") is None
    again.close()
