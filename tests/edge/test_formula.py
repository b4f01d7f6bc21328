"""Expressions: what they can say, what they refuse and where, and that none can hold a gateway up."""

import contextlib
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.formula import Formula, Function


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 + 2.5", 3.5),
        ("7 / 2", 3.5),
        ("-2 * -(3 - 5)", -4.0),
        ("0x10 + 1e2", 116.0),
        ("2 > 1 ? 'high' : 'low'", "high"),
        ("min(3, 1, 2) + max(1, 2)", 3.0),
        ("sqrt(pow(3, 2) + pow(4, 2))", 5.0),
        ("round(2.675, 2)", 2.68),
        ("round(-2.5)", -3.0),
        ("floor(-1.5) + ceil(1.2) + abs(-1)", 1.0),
        ("mod(-1, 3)", 2.0),
        ("12 / 2 / 3", 2.0),
        ("12 / (1 + 2) * 2", 8.0),
        ("8 / max(1, 2)", 4.0),
        ("8 / -2", -4.0),
        ("bit(5, 2) && !bit(5, 1)", True),
        ("2 in [1, 2]", True),
        ("'abc'.startsWith('ab') || false", True),
        ("number('12.5') + number(true)", 13.5),
    ],
)
def test_an_expression_has_the_result_that_people_expect(text, result):
    assert Formula.parse(text).evaluate({}) == result


def test_points_are_named_once_and_integers_mix_with_numbers():
    formula = Formula.parse('tag("press/torque") * tag("press/speed") / 9.55 + tag("press/speed")')
    assert formula.inputs == ("press/torque", "press/speed")
    assert formula.evaluate({"press/torque": 9.55, "press/speed": 10}) == 20.0


def test_variables_arrays_and_functions_can_be_added():
    formula = Formula.parse(
        "bytes[0] * 256 + bytes[index] + twice(port)",
        variables=("port", "index"),
        arrays=("bytes",),
        functions={"twice": Function(lambda value: 2 * value, 1, 1)},
    )
    assert formula.evaluate({"bytes": b"\x01\x02", "port": 3, "index": 1}) == 256 + 2 + 6


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("1 +", 4, "mismatched"),
        ("(1 + 2", 1, "not closed"),
        ("1 + 2)", 6, "closes nothing"),
        ("a + 1", 1, "there is no 'a'"),
        ("1 + nothere(2)", 5, "no function 'nothere'"),
        ("max()", 1, "takes 1 to 16 values, not 0"),
        ("abs(1, 2)", 1, "takes 1 values, not 2"),
        ("tag('press')", 5, "not device/point"),
        ("tag('a/b', 1)", 1, "named as tag"),
        ("tag('a/' + 'b')", 1, "named as tag"),
        ("tag + 1", 1, "named as tag"),
        ("7 % 2", 3, "mod(a, b)"),
        ("1 / ", 5, "mismatched"),
        ("1 // 2", 3, "no remarks"),
        ("1e400", 1, "double"),
        ("1u", 2, "directly after"),
        ("b'x'", 2, "directly after"),
        ("'''x'''", 3, "directly after"),
        ("{'a': 1}", 1, "no part"),
        ("'a'.matches('(a+)+b')", 4, "after a dot"),
        ("[1, 2].map(x, x * 2)", 7, "after a dot"),
        ("[1, 2].all(x, [1, 2].all(y, true))", 7, "after a dot"),
        ("'a'.__class__", 4, "after a dot"),
        ("__import__('os').system('id')", 1, "no function '__import__'"),
        ("_divisor(1)", 1, "no function"),
        ("[1, 2][0]", 7, "looked into"),
        ("(1)[0]", 4, "looked into"),
        ("'a\\u0041'", 1, "no part"),
        ("1 ; 2", 3, "no part"),
        ("ä", 1, "no part"),
        ("null", 1, "there is no 'null'"),
        ("bytes + 1", 1, "there is no 'bytes'"),
    ],
)
def test_what_is_no_expression_is_refused_where_it_is_wrong(text, position, reason):
    with pytest.raises(InvalidInput) as caught:
        Formula.parse(text)
    assert caught.value.code == "edge.formula_invalid"
    assert caught.value.facts["position"] == position
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("text", "values", "reason"),
    [
        ("1 / value", {"value": 0}, "division by zero"),
        ("-1 / value < 5", {"value": 0.0}, "division by zero"),
        ("1 / value < 5 || true", {"value": -0.0}, "division by zero"),
        ("mod(1, value)", {"value": 0}, "zero"),
        ("value + 1", {}, "no usable value"),
        ("value + 1", {"value": float("nan")}, "no usable value"),
        ("value > 1", {"value": float("inf")}, "no usable value"),
        ("value + 1", {"value": "text"}, "No such overload|Unsupported"),
        ("value + 1", {"value": True}, "No such overload|Unsupported"),
        ("value && true", {"value": 1}, "No such overload|Unsupported"),
        ("value * 1e308", {"value": 1e10}, "result is inf"),
        ("sqrt(value) > 0 || true", {"value": -1}, "sqrt"),
        ("pow(value, 1e9)", {"value": 1e9}, "pow"),
        ("number('x' )+ value", {"value": 1}, "number"),
        ("[value]", {"value": 1}, "list"),
    ],
)  # fmt: skip
def test_what_has_no_result_says_why(text, values, reason):
    formula = Formula.parse(text, variables=("value",))
    with pytest.raises(InvalidInput, match=reason) as caught:
        formula.evaluate(values)
    assert caught.value.code == "edge.formula_failed"


def test_a_failed_evaluation_leaves_nothing_behind():
    formula = Formula.parse("1 / value", variables=("value",))
    with pytest.raises(InvalidInput):
        formula.evaluate({"value": 0})
    assert formula.evaluate({"value": 4}) == 0.25


def test_what_is_not_reached_is_not_computed():
    assert Formula.parse("value == 0 ? 0 : 1 / value", variables=("value",)).evaluate({"value": 0}) == 0.0


@pytest.mark.parametrize("index", [-1, 2, 0.5, 1e9])
def test_an_array_is_not_looked_into_beyond_its_end(index):
    formula = Formula.parse("bytes[index]", variables=("index",), arrays=("bytes",))
    with pytest.raises(InvalidInput, match="not there"):
        formula.evaluate({"bytes": b"ab", "index": index})


@pytest.mark.parametrize(
    "text",
    [
        "1" + "+1" * 2000,
        "(" * 40 + "1" + ")" * 40,
        "!" * 3000 + "true",
        "x" * 5000,
        "[" * 33 + "]" * 33,
        "1<" * 700 + "1",
    ],
)
def test_what_would_take_the_evaluator_too_deep_is_refused(text):
    with pytest.raises(InvalidInput):
        Formula.parse(text)


def test_the_deepest_that_is_allowed_fits_a_small_stack():
    results = []
    text = "(" * 31 + "1" + "+1)" * 31 + "+1" * 230

    def work():
        results.append(Formula.parse(text).evaluate({}))

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert results == [262.0]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789abtg()[]{}+-*/%<>=!&|?:.,'\"\\ \n_$", max_size=60))
def test_nonsense_is_refused_or_has_a_result_and_nothing_else(text):
    with contextlib.suppress(InvalidInput):
        Formula.parse(text).evaluate({})


def test_an_evaluation_takes_microseconds():
    formula = Formula.parse('tag("a/x") * 2 + max(tag("a/y"), 3) / 4')
    values = {"a/x": 1.5, "a/y": 2}
    fastest = min(_time(formula, values) for _ in range(20))
    assert fastest < 200e-6


def _time(formula, values):
    start = time.perf_counter()
    for _ in range(50):
        formula.evaluate(values)
    return (time.perf_counter() - start) / 50
