"""What the guard takes of Cedar, and how it refuses the rest."""

import pytest

from lineshaft.access.policy.statements import DEEPEST
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.drivers.modbus import writing as modbus
from lineshaft.edge.guard import defaults
from lineshaft.edge.guard.functions import FUNCTIONS, reads
from lineshaft.edge.guard.policy import READS, compile_policy
from lineshaft.edge.guard.subset import MOST_TERMS

ANY = "permit (principal, action, resource)"


def refusal(text):
    with pytest.raises(InvalidInput) as caught:
        compile_policy(text)
    assert caught.value.code == "edge.guard_policy_invalid"
    return caught.value.facts


@pytest.mark.parametrize("text", [defaults.text(), READS, ""])
def test_what_is_shipped_is_of_the_subset(text):
    assert len(compile_policy(text).rules) == text.count("@id")


@pytest.mark.parametrize(
    "condition",
    [
        "context.start >= 40 && context.end <= 49",
        "-5 <= context.minimum && 80000000 >= context.maximum",
        'context.space == "holding" || !(context.space != "coil")',
        '["a", "b"].contains(context.node)',
        "[1, 2].contains(context.start)",
        "context.presence && context.presence == true && !context.presence",
        'principal.foreign || principal.zone == "dmz" || principal.kind != "person"',
        'principal in Role::"engineer" || principal in [Zone::"cell", Zone::"dmz"]',
        "context has change && context.change <= 5000000",
        "true || false",
    ],
)
def test_a_condition_of_the_subset_is_taken(condition):
    (rule,) = compile_policy(f"{ANY} when {{ {condition} }};").rules
    assert rule.permits


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('context.node like "ns=2*"', "`like` is not taken"),
        ("context.start < context.end", "`start` may be compared with a literal only"),
        ("context.start + 1 == 2", "`+` stands where an attribute must"),
        ("(if context.presence then true else false)", "`if-then-else` is not taken"),
        ('["a"].containsAll([context.node])', "`containsAll` is not taken"),
        ('principal == Principal::"99/1"', "stands where an attribute must"),
        ('resource in Gateway::"g"', "`in` is not taken"),
        ("[context.start].contains(context.end)", "`contains` is taken of a list of literals only"),
        ("context.foo == 1", "foo"),
        ("context has foo", "foo"),
        ('context.start == "40"', ""),
        ("context.maximum > 9223372036854775808", ""),
    ],
)
def test_anything_else_is_refused_with_its_line(condition, said):
    facts = refusal(f"{ANY};\n// one\n{ANY} when {{\n  context.approvals > 0 &&\n  {condition}\n}};")
    assert 3 <= facts["line"] <= 5
    assert said in facts["reason"]


def test_the_line_is_that_of_the_mistake():
    facts = refusal(f'{ANY};\n{ANY}\nwhen {{ context.start > 1 &&\n  context.node like "a" }};')
    assert (facts["line"], facts["text"]) == (4, 'context.node like "a" };')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permit (principal, action, resource)", ""),
        ("permit (principal == ?principal, action, resource);", "templates"),
        ('permit (principal, action == Action::"modbus.fly", resource);', "modbus.fly"),
        ('permit (principal == User::"x", action, resource);', "User"),
        (f'@id("a") {ANY}; @id("a") {ANY};', "two policies"),
        (f"// {'x' * 300_000}\n{ANY};", "longer"),
        (f"{ANY} when {{ {' || '.join(f'context.start == {n}' for n in range(MOST_TERMS + 1))} }};", "alternatives"),
        (f"{ANY} when {{ {'(' * (DEEPEST + 1)}true{')' * (DEEPEST + 1)} }};", "nested deeper"),
        (f"{ANY} when {{ {'(' * 5000}true{')' * 5000} }};", "nested deeper"),
        (f"{ANY} when {{ {'true && ' * 5000}true }};", "longer"),
        (f"{ANY} when {{ {'true && ' * 1900}true }};", ""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_text_that_cannot_be_a_policy_is_refused(text, said):
    assert said in refusal(text)["reason"]


def test_many_alternatives_that_cannot_be_do_not_count():
    pairs = " && ".join(f"(context.start == {n} || context.start == {n + 1})" for n in range(1, 12))
    (rule,) = compile_policy(f"{ANY} when {{ {pairs} }};").rules
    assert rule.terms == ()


def test_every_function_that_the_modbus_driver_writes_by_is_one_that_rules_can_name():
    assert {f"modbus.{function}" for function in modbus.FUNCTIONS.values()} <= FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("function", "read"),
    [
        ("read_coils", True),
        ("write_single_coil", False),
        ("read_write_multiple_registers", False),
        ("unheard_of", False),
    ],
)
def test_only_what_is_known_to_change_nothing_is_a_read(function, read):
    assert reads("modbus", function) == read
