"""The part of Cedar that guard policies may use, turned into terms: conjunctions of limits on single attributes.

A condition is made with `&&`, `||` and `!` of
    context.start >= 40                     a number compared with a literal: == != < <= > >=
    context.space == "holding"              a text: == !=
    ["a", "b"].contains(context.node)       one of several texts or numbers
    context.presence                        a boolean, alone or compared with true or false
    principal.zone == "cell-2"              principal.name, principal.kind, principal.zone, principal.foreign
    principal in Role::"engineer"           a role, a zone, or [several]
    context has start                       true: no attribute of the schema is optional
and stands in a disjunctive normal form of at most 64 terms. Anything else is refused.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from lineshaft.edge.guard.schema import (
    CONTEXT_BOOLEANS,
    GREATEST,
    LEAST,
    NUMBERS,
    PRINCIPAL_BOOLEANS,
    PRINCIPAL_TEXTS,
    TEXTS,
)

MOST_TERMS: Final = 64
"""Terms of one policy."""
ALLOWED: Final = (
    'a condition may compare one attribute with a literal, ask ["a", "b"].contains(context.node), '
    'principal in Role::"…" or context has …, joined with &&, || and !'
)  # fmt: skip

Interval = tuple[int, int]
"""Least and greatest, both in it."""
_WHOLE: Final = ((LEAST, GREATEST),)
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


class OutsideSubset(ValueError):
    """Cedar would understand it, the guard does not; a name in backquotes says where it stands."""


class Texts(msgspec.Struct, frozen=True):
    """A set of texts, or everything but these."""

    values: frozenset[str]
    inside: bool = True

    def __contains__(self, text: object) -> bool:
        return (text in self.values) == self.inside

    def both(self, other: "Texts") -> "Texts":
        """What is in both sets."""
        if self.inside and other.inside:
            return Texts(self.values & other.values)
        if self.inside:
            return Texts(self.values - other.values)
        if other.inside:
            return Texts(other.values - self.values)
        return Texts(self.values | other.values, inside=False)


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One conjunction."""

    numbers: Mapping[str, tuple[Interval, ...]] = {}
    """Disjoint and sorted intervals in which an attribute of the context must lie."""
    texts: Mapping[str, Texts] = {}
    """By attribute; the principal's are written `principal.zone`, booleans are "true" and "false"."""
    members: frozenset[tuple[frozenset[str], bool]] = frozenset()
    """Groups, such as `Role::"operator"`, of which the principal must be in one, or in none."""

    @property
    def possible(self) -> bool:
        """Whether anything can fulfil it, as far as single attributes tell."""
        return all(self.numbers.values()) and all(one.values or not one.inside for one in self.texts.values())


def terms_of(conditions: Iterable[Mapping[str, Any]]) -> list[Term]:
    """The terms of a policy's `when` and `unless`, in Cedar's JSON notation.

    Raises:
        OutsideSubset: says what is not taken.
    """
    found = [Term()]
    for condition in conditions:
        found = _all_of(found, _expand(condition["body"], positive=condition["kind"] == "when"))
    return found


def _expand(node: Mapping[str, Any], *, positive: bool) -> list[Term]:
    """The terms of an expression, or of its negation."""
    (operator,) = node
    body = node[operator]
    if operator == "!":
        return _expand(body["arg"], positive=not positive)
    if operator in ("&&", "||"):
        sides = (_expand(body["left"], positive=positive), _expand(body["right"], positive=positive))
        if (operator == "&&") == positive:
            return _all_of(*sides)
        return _bounded([*sides[0], *sides[1]])
    if operator == "Value" and isinstance(body, bool):
        return [Term()] if body == positive else []
    return [term for term in (_limit(operator, body, positive=positive),) if term.possible]


def _all_of(left: Sequence[Term], right: Sequence[Term]) -> list[Term]:
    joined = (_join(one, other) for one, other in itertools.product(left, right))
    return _bounded([term for term in joined if term.possible])


def _bounded(terms: list[Term]) -> list[Term]:
    if len(terms) > MOST_TERMS:
        raise OutsideSubset(f"the condition has more than {MOST_TERMS} alternatives: write several policies")
    return terms


def _join(one: Term, other: Term) -> Term:
    numbers = dict(one.numbers)
    for name, intervals in other.numbers.items():
        numbers[name] = common(numbers.get(name, _WHOLE), intervals)
    texts = dict(one.texts)
    for name, some in other.texts.items():
        texts[name] = texts[name].both(some) if name in texts else some
    return Term(numbers=numbers, texts=texts, members=one.members | other.members)


def common(one: Iterable[Interval], other: Sequence[Interval]) -> tuple[Interval, ...]:
    """What is in both."""
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple(sorted((low, high) for low, high in pairs if low <= high))


def _limit(operator: str, body: Any, *, positive: bool) -> Term:
    """One comparison, membership or attribute alone, or the opposite."""
    if operator == ".":
        return _compare("==", _attribute({".": body}), positive, positive=True)
    if operator in _FLIPPED:
        return _comparison(operator, body["left"], body["right"], positive=positive)
    if operator == "contains":
        return _contains(body["left"], _attribute(body["right"]), positive=positive)
    if operator == "in" and body["left"] == {"Var": "principal"}:
        return Term(members=frozenset({(_groups(body["right"]), positive)}))
    if operator == "has":
        _attribute({".": body})
        return Term() if positive else Term(numbers={"start": ()})
    raise OutsideSubset(f"`{operator}` is not taken here; {ALLOWED}")


def _comparison(operator: str, left: Any, right: Any, *, positive: bool) -> Term:
    if "Value" in left:
        operator, left, right = _FLIPPED[operator], right, left
    name = _attribute(left)
    if "Value" not in right:
        raise OutsideSubset(f"`{_name(name)}` may be compared with a literal only; {ALLOWED}")
    return _compare(operator, name, right["Value"], positive=positive)


def _compare(operator: str, name: str, value: Any, *, positive: bool) -> Term:
    operator = operator if positive else _OPPOSITE[operator]
    if name in CONTEXT_BOOLEANS:
        value = int(_of_type(bool, name, value))
    elif name in NUMBERS:
        value = _of_type(int, name, value)
    if name in NUMBERS:
        return Term(numbers={name: _intervals(operator, value)})
    text = _text(name, value)
    return Term(texts={name: Texts(frozenset({text}), inside=operator == "==")})


def _text(name: str, value: Any) -> str:
    if name in _BOOLEAN_TEXTS:
        return "true" if _of_type(bool, name, value) else "false"
    return str(_of_type(str, name, value))


def _intervals(operator: str, value: int) -> tuple[Interval, ...]:
    below, above = (LEAST, value - 1), (value + 1, GREATEST)
    sides = {
        "<": (below,), "<=": ((LEAST, value),), ">": (above,), ">=": ((value, GREATEST),), "==": ((value, value),),
        "!=": (below, above),
    }[operator]  # fmt: skip
    return tuple((low, high) for low, high in sides if low <= high)


def _contains(listed: Mapping[str, Any], name: str, *, positive: bool) -> Term:
    if "Set" not in listed or not all("Value" in one for one in listed["Set"]):
        raise OutsideSubset(f"`contains` is taken of a list of literals only; {ALLOWED}")
    values = [one["Value"] for one in listed["Set"]]
    if name not in NUMBERS:
        return Term(texts={name: Texts(frozenset(_text(name, value) for value in values), inside=positive)})
    single = sorted({int(_of_type(bool if name in CONTEXT_BOOLEANS else int, name, value)) for value in values})
    if positive:
        return Term(numbers={name: tuple((value, value) for value in single)})
    without: tuple[Interval, ...] = _WHOLE
    for value in single:
        without = common(without, _intervals("!=", value))
    return Term(numbers={name: without})


def _groups(node: Mapping[str, Any]) -> frozenset[str]:
    listed = node.get("Set", [node])
    named = [one["Value"]["__entity"] for one in listed if isinstance(one.get("Value"), dict)]
    if len(named) != len(listed) or not all(one.get("type") in ("Role", "Zone") for one in named):
        raise OutsideSubset(f'`in` is taken of Role::"…" and Zone::"…" only; {ALLOWED}')
    return frozenset(f'{one["type"]}::"{one["id"]}"' for one in named)


_BOOLEAN_TEXTS: Final = frozenset(f"principal.{name}" for name in PRINCIPAL_BOOLEANS)
_ATTRIBUTES: Final = {
    "context": {name: name for name in (*NUMBERS, *TEXTS)},
    "principal": {name: f"principal.{name}" for name in (*PRINCIPAL_TEXTS, *PRINCIPAL_BOOLEANS)},
}


def _attribute(node: Mapping[str, Any]) -> str:
    access = node.get(".")
    variable = access["left"].get("Var") if access else None
    known = _ATTRIBUTES.get(variable, {}) if isinstance(variable, str) else {}
    if access is None or access["attr"] not in known:
        (operator,) = node
        raise OutsideSubset(f"`{access['attr'] if access else operator}` stands where an attribute must; {ALLOWED}")
    return known[access["attr"]]


def _of_type(kind: type, name: str, value: Any) -> Any:
    if type(value) is not kind:
        raise OutsideSubset(f"`{_name(name)}` is compared with {value!r}, which is not of its type")
    return value


def _name(attribute: str) -> str:
    return attribute.rpartition(".")[2]
