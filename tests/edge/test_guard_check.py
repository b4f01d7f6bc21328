"""The guard's verdicts: what is denied first, by which rule, in which mode, and what of it is told."""

import math
from collections import Counter

import msgspec
import pytest

from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.edge.guard import memory as memory_module
from lineshaft.edge.guard.compiled import Compiled
from lineshaft.edge.guard.events import MOST_OF_ONE, MOST_WAITING
from lineshaft.edge.guard.guard import Guard
from lineshaft.edge.guard.memory import GuardMemory
from lineshaft.edge.guard.model import FAILED, UNJUDGEABLE, UNRECORDED, GuardPrincipal, State
from lineshaft.edge.guard.operation import LARGEST, Operation, millionths
from lineshaft.edge.guard.policy import compile_policy

ADA = GuardPrincipal(id="99/ada", name="ada", kind="person", roles=frozenset({"engineer"}))
STRANGER = GuardPrincipal(id="10.0.0.9", name="10.0.0.9", foreign=True)
RANGE = """
@id("speed") permit (principal, action in Action::"write", resource == Device::"press") when {
  context.space == "holding" && context.start >= 40 && context.end <= 49
  && context.minimum >= 0 && context.maximum <= 80000000
};
"""


def write(*values, start=40, count=1, device="press", **more):
    return Operation.of(
        values, protocol="modbus", device=device, function="write_single_register", space="holding", start=start,
        count=count, **more,
    )  # fmt: skip


READ = Operation(protocol="modbus", device="press", function="read_coils", space="coil")


def guard(policy=RANGE, present=None, **settings):
    made = Guard("gateway", present=present)
    made.configure(compile_policy(policy), **settings)
    return made


def verdict(made, operation, who=ADA, state=State()):  # noqa: B008
    (one,) = made.check([operation], who, state)
    return one


def allowed(made, operation, who=ADA, state=State()):  # noqa: B008
    return verdict(made, operation, who, state).allowed


@pytest.fixture
def monotonic(monkeypatch):
    """A clock for rates that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


# -- ranges -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "fits"),
    [
        (write(0), True), (write(80, start=49), True), (write(1, 2, start=48, count=2), True),
        (write(80.000001), False), (write(-1), False), (write(1, start=39), False), (write(1, 2, start=49, count=2), False),
        (write(1, 90, count=2), False), (write(1, device="boiler"), False),
    ],
)  # fmt: skip
def test_an_operation_must_lie_in_a_rules_box_whole(operation, fits):
    made = guard()
    assert allowed(made, operation) == fits
    assert [one.allowed for one in made.check([operation] * 64, ADA)] == [fits] * 64


def test_what_is_not_known_counts_as_everything():
    made = guard(RANGE + '@id("high") forbid (principal, action, resource) when { context.maximum > 90000000 };')
    text = write()  # a text has no number
    assert not allowed(made, text)
    assert verdict(made, text).rules == ("high",)
    named = Operation.of([1], protocol="opcua", device="press", function="write", node="ns=2;s=P")
    made = guard("permit (principal, action, resource) when { context.start >= 0 && context.end <= 100 };")
    assert not allowed(made, named)


def test_a_verdict_names_the_rules():
    made = guard(
        RANGE + '@id("never") @reason("the door") forbid (principal, action, resource) when { context.start == 41 };'
    )
    assert verdict(made, write(1)).rules == ("speed",)
    denied = verdict(made, write(1, start=41))
    assert (denied.allowed, denied.rules, denied.reason) == (False, ("never",), "the door")
    assert verdict(made, write(1, start=99)).reason == "no rule permits it"


# -- fail closed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 2**63])
@pytest.mark.parametrize("mode", ["learn", "shadow", "enforce"])
@pytest.mark.parametrize("count", [1, 64])
def test_a_value_that_cannot_be_judged_is_denied_first(value, mode, count):
    made = guard("permit (principal, action, resource);", mode=mode)
    operations = [write(1), *[write(1, value, count=2)] * count]
    verdicts = made.check(operations, ADA)
    assert verdicts[0].allowed
    assert {(one.allowed, one.reason) for one in verdicts[1:]} == {(False, UNJUDGEABLE)}


@pytest.mark.parametrize(("value", "counted"), [(True, 10**6), (1.5, 1_500_000), (-2, -2_000_000), (LARGEST, None)])
def test_values_are_counted_in_millionths(value, counted):
    assert millionths(value) == counted


@pytest.mark.parametrize("reads", ["open", "closed"])
def test_a_guard_that_fails_denies_writes(monkeypatch, reads):
    made = guard("permit (principal, action, resource);", reads_are=reads)
    monkeypatch.setattr(Compiled, "basis", lambda *_: 1 / 0)
    written, read = made.check([write(1), READ], ADA)
    assert (written.allowed, written.reason) == (False, FAILED)
    assert read.allowed == (reads == "open")


def test_numbers_beyond_64_bits_deny_and_do_not_break():
    made = guard(RANGE)
    huge = Operation(protocol="modbus", device="press", function="write_single_register", start=2**70, values=(2**80,))
    assert not any(one.allowed for one in made.check([huge] * 10, ADA))
    assert not allowed(made, huge)


@pytest.mark.parametrize("count", [1, 64])
def test_reads_stay_open_unless_they_are_closed_or_forbidden(count):
    def one(made):
        return made.check([READ] * count, STRANGER)[0].allowed

    assert one(guard(""))
    assert not one(guard("", reads_are="closed"))
    assert not one(guard('forbid (principal, action in Action::"read", resource) when { principal.foreign };'))


def test_a_function_that_nobody_knows_is_neither_read_nor_write():
    odd = Operation(protocol="modbus", device="press", function="unheard_of")
    assert not allowed(guard('permit (principal, action in [Action::"read", Action::"write"], resource);'), odd)


# -- the policy that is shipped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (ADA, True), (GuardPrincipal(id="1", roles=frozenset({"operator"})), True),
        (GuardPrincipal(id="1", roles=frozenset({"viewer"})), False), (GuardPrincipal(id="1"), False), (STRANGER, False),
        (GuardPrincipal(id="1", roles=frozenset({"engineer"}), foreign=True), False),
    ],
)  # fmt: skip
def test_as_shipped_operators_may_write_and_foreign_clients_not(who, may):
    made = Guard("gateway")
    assert (made.mode, allowed(made, write(1), who)) == ("enforce", may)
    assert not allowed(made, Operation(protocol="s7", device="press", function="plc_stop"), who)


# -- who, when, how often -------------------------------------------------------------------------------------------------


def test_two_persons_and_plant_mode_enter_as_context():
    made = guard(
        'permit (principal, action, resource) when { context.approvals >= 1 && context.mode == "maintenance" };',
        plant_mode=lambda: "maintenance",
    )
    assert not allowed(made, write(1))
    assert allowed(made, write(1), state=State(approvals=1))
    assert not allowed(made, write(1), state=State(approvals=1, mode="production"))


def test_time_windows_are_those_of_the_site():
    made = guard(
        "permit (principal, action, resource) when { context.minute_of_day >= 480 && context.minute_of_day < 1020"
        " && context.minute_of_week < 7200 };",
        zone="Asia/Shanghai",
    )
    monday = clock.parse_time("2026-06-01T08:00:00+08:00")
    for shift, may in ((0, True), (-1, False), (539, True), (540, False), (5 * 1440, False), (7 * 1440, True)):
        with clock.fixed(lambda shift=shift: monday + shift * 60_000_000):
            assert allowed(made, write(1)) == may, shift


def test_a_device_is_in_its_places_and_its_gateway():
    policy = 'permit (principal, action, resource in Place::"acme/north");'
    places = {"press": frozenset({'Place::"acme"', 'Place::"acme/north"'})}
    assert allowed(guard(policy, devices=places), write(1))
    assert not allowed(guard(policy, devices=places), write(1, device="boiler"))
    assert allowed(guard('permit (principal, action, resource in Gateway::"gateway");'), write(1))


def test_a_rate_counts_what_was_let_through_within_a_minute(monotonic):
    made = guard(
        "permit (principal, action, resource) when { context.count_last_minute < 3 };"
        "forbid (principal, action, resource) when { context.start == 7 };"
    )
    assert [one.allowed for one in made.check([write(1, start=7), *[write(1)] * 5], ADA)] == [
        False,
        *[True] * 3,
        False,
        False,
    ]
    assert allowed(made, write(1, device="boiler"))
    monotonic[0] += 59
    assert not allowed(made, write(1))
    monotonic[0] += 2
    assert allowed(made, write(1))


def test_a_change_is_held_against_the_present_value_and_what_was_just_written(monotonic):
    present = {"press/speed": 10 * 10**6}
    made = guard(
        "permit (principal, action, resource) when { context.change <= 5000000 };",
        present=lambda device, point: present.get(f"{device}/{point}"),
    )
    assert not allowed(made, write(15.1, points=("speed",)))
    assert not allowed(made, write(10)), "a place whose value nobody knows"
    assert allowed(made, write(15, points=("speed",)))
    assert not allowed(made, write(16, points=("speed",))), "the board still says 10"
    assert not allowed(made, write(9, points=("speed",))), "15 was just written"
    monotonic[0] += 61
    assert allowed(made, write(9, points=("speed",)))


def test_a_rate_of_change_sums_the_steps_of_a_second(monotonic):
    made = guard(
        "permit (principal, action, resource) when { context.change_per_second <= 5000000 };",
        present=lambda _device, _point: 0,
    )
    assert allowed(made, write(3, points=("speed",)))
    assert not allowed(made, write(-1, points=("speed",)))
    monotonic[0] += 1.1
    assert allowed(made, write(5, points=("speed",)))


def test_memories_are_bounded_and_full_ones_deny(monotonic, monkeypatch):
    monkeypatch.setattr(memory_module, "MOST_COUNTERS", 10)
    monkeypatch.setattr(memory_module, "MOST_PLACES", 10)
    remembered = GuardMemory(lambda _device, _point: 0)
    for number in range(30):
        remembered.admitted(remembered.recall(write(1, device=f"d{number}", points=("p",))))
    assert remembered.recall(write(1, device="d99", points=("p",))).numbers == (2**63 - 1,) * 3
    assert remembered.recall(write(1, device="d1", points=("p",))).numbers[2] == 1
    monotonic[0] += 62
    assert remembered.recall(write(1, device="d99", points=("p",))).numbers[2] == 0


# -- modes and events -----------------------------------------------------------------------------------------------------


def waiting(made):
    return [*made.events._waiting.values()]


def test_shadow_lets_through_and_records_what_it_would_deny():
    made = guard(mode="shadow")
    one = verdict(made, write(99), STRANGER)
    assert (one.allowed, one.would_deny, one.mode) == (True, True, "shadow")
    assert not verdict(made, write(1)).would_deny
    (event,) = waiting(made)
    assert (event["action"], event["principal"], event["values"]) == ("guard.would_deny", "10.0.0.9", [99_000_000])


def test_learn_lets_through_and_remembers():
    made = guard("", mode="learn")
    assert all(one.allowed for one in made.check([write(1), write(2, start=41), READ], STRANGER))
    (seen,) = made.learned.seen.values()
    assert (seen.boxes[0].start, seen.boxes[0].end, seen.boxes[0].maximum) == (40, 41, 2_000_000)
    assert not waiting(made)


def test_like_denials_are_one_event_with_a_count():
    made = guard()
    made.check([write(99)] * 70, STRANGER)
    verdict(made, write(99, start=90), ADA)
    first, second = waiting(made)
    assert (first["count"], first["action"], first["start"], first["end"]) == (70, "guard.denied", 40, 40)
    assert (second["principal"], made.denied) == ("99/ada", 71)


class Recorder:
    def __init__(self):
        self.broken, self.noted = False, []

    async def note(self, facts):
        if self.broken:
            raise Unavailable("bus.down", "no")
        self.noted.append(facts)


async def test_events_wait_for_a_recorder_that_fails_and_keep_their_count():
    made, recorder = guard(), Recorder()
    verdict(made, write(99))
    recorder.broken = True
    await made.events.drain(recorder)
    assert made.events.failed
    verdict(made, write(99))
    recorder.broken = False
    await made.events.drain(recorder)
    assert [event["count"] for event in recorder.noted] == [2]
    assert (len(made.events), made.events.failed) == (0, "")


async def test_a_denial_while_the_recorder_fails_is_counted_too():
    made = guard()

    class Slow(Recorder):
        async def note(self, facts):
            verdict(made, write(99))
            raise Unavailable("bus.down", "no")

    verdict(made, write(99))
    await made.events.drain(Slow())
    assert [event["count"] for event in waiting(made)] == [2]


def test_writes_stop_when_what_passes_can_no_longer_be_recorded():
    made = guard(mode="shadow")
    for number in range(MOST_WAITING + 10):
        verdict(made, write(99, device=f"d{number}"))
    assert made.events.full
    assert verdict(made, write(1)).reason == UNRECORDED
    assert allowed(made, READ)


async def test_a_flood_of_denials_is_counted_and_stops_nobody():
    made = guard()
    for who in range(40):
        somebody = msgspec.structs.replace(ADA, id=f"h/flood{who}")
        for number in range(200):
            verdict(made, write(99, device=f"d{number}"), somebody)
    assert len(made.events) < MOST_WAITING
    assert verdict(made, write(1)).allowed
    recorder = Recorder()
    await made.events.drain(recorder)
    assert sum(event["count"] for event in recorder.noted) == 40 * 200
    assert max(Counter(event["principal"] for event in recorder.noted).values()) <= MOST_OF_ONE + 1
    verdict(made, write(99))
    assert [event["device"] for event in waiting(made)] == ["press"], "there is room again"
