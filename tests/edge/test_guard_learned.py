"""What the guard learned becomes a proposal that permits just that; it never comes into force by itself."""

import re

import pytest

from lineshaft.edge.guard import learned
from lineshaft.edge.guard.compiled import Compiled, Moment
from lineshaft.edge.guard.guard import Guard
from lineshaft.edge.guard.learned import MOST_BOXES, Learned
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.policy import compile_policy

HMI = GuardPrincipal(id="10.0.0.9", name="hmi", foreign=True)
NOTHING = compile_policy("")


def write(value, start=40, count=1, device="press"):
    return Operation.of(
        [value],
        protocol="modbus",
        device=device,
        function="write_single_register",
        space="holding",
        start=start,
        count=count,
    )


def node(value, name):
    return Operation.of(
        [value] if value is not None else [], protocol="opcua", device="cell", function="write", node=name
    )


def proposal(found, policy=NOTHING):
    return learned.propose(found, Compiled([policy]), Moment())


def test_the_proposal_permits_what_was_seen_and_nothing_beside_it():
    found = Learned()
    for value, start in ((10, 40), (20, 41), (5, 80)):
        found.observe(write(value, start), HMI)
    rules = proposal(found)
    policy = compile_policy(learned.join("", rules.values()))
    compiled = Compiled([policy])

    def permitted(operation, who=HMI, memory=(0, 0, 0)):
        return compiled.decide(compiled.basis(who, Moment()), operation, memory).allowed

    assert len(rules) == 2
    assert permitted(write(15, 40, 2))
    assert permitted(write(5, 80))
    assert not permitted(write(15, 80))
    assert not permitted(write(15, 42))
    assert not permitted(write(21, 40))
    assert not permitted(write(15, 40, device="other"))
    assert not permitted(write(15, 40), GuardPrincipal(id="10.0.0.10"))
    assert not permitted(write(15, 40), memory=(0, 0, 6)), "three in the busiest minute"
    assert proposal(found, policy) == {}, "what is permitted is not proposed again"


@pytest.mark.parametrize("name", ["ns=2;s=P", 'a"b\\c', "温度/\n;}", "}; permit (principal, action, resource); //"])
def test_a_name_cannot_break_out_of_the_proposed_text(name):
    found = Learned()
    stranger = GuardPrincipal(id=f"x{name}", name=f"n\n{name}")
    found.observe(node(1, name), stranger)
    (text,) = proposal(found).values()
    (rule,) = compile_policy(text).rules
    assert rule.principal.entities
    compiled = Compiled([compile_policy(text)])
    assert compiled.decide(compiled.basis(stranger, Moment()), node(1, name), (0, 0, 0)).allowed
    assert not compiled.decide(compiled.basis(HMI, Moment()), node(1, name), (0, 0, 0)).allowed


def test_a_write_of_a_text_is_proposed_without_a_range():
    found = Learned()
    found.observe(node(None, "ns=2;s=Recipe"), HMI)
    (text,) = proposal(found).values()
    assert "minimum" not in text
    assert compile_policy(text).rules


def test_what_no_rule_can_name_is_not_proposed():
    found = Learned()
    found.observe(Operation(protocol="modbus", device="press", function="unheard_of"), HMI)
    assert proposal(found) == {}


def test_boxes_of_a_place_are_bounded_and_the_closest_merge():
    found = Learned()
    for start in range(0, 1000, 10):
        found.observe(write(1, start), HMI)
    (seen,) = found.seen.values()
    assert len(seen.boxes) == MOST_BOXES
    assert sum(box.count for box in seen.boxes) == 100


def test_places_are_bounded(monkeypatch):
    monkeypatch.setattr(learned, "MOST_PLACES", 3)
    found = Learned()
    for number in range(5):
        found.observe(write(1, device=f"d{number}"), HMI)
    assert (len(found.seen), found.missed) == (3, 2)


def test_the_learned_set_outlives_a_restart(tmp_path):
    found = Learned()
    found.observe(write(1), HMI)
    file = tmp_path / "guard" / "learned.json"
    learned.save(file, found)
    assert proposal(learned.load(file)) == proposal(found)
    file.write_bytes(b"{")
    assert learned.load(file).seen == {}


def test_the_difference_shows_only_what_is_added():
    found = Learned()
    found.observe(write(1), HMI)
    before = Guard("gateway").policy.text
    lines = learned.difference(before, learned.join(before, proposal(found).values()))
    changed = [line for line in lines if re.match(r"[-+](?![-+])", line)]
    assert changed
    assert all(line.startswith("+") for line in changed)
