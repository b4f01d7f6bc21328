"""Whether a guard's document lets more through than another: told without operations, by the policies' terms alone.

A permit is no wider where one permit of before has all of its scopes and terms; a forbid is kept where one of after has
all of its. What cannot be shown so counts as wider, though it may not be.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lineshaft.edge.guard.part import read_document
from lineshaft.edge.guard.policy import Rule, Scope
from lineshaft.edge.guard.subset import Term, Texts, common

_MINUTES: Final = frozenset(("minute_of_day", "minute_of_week"))
_MODE: Final = "mode"


def of_document(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, first: bool = False) -> list[str]:
    """What `after` lets through that `before` does not, in words; None: the default.

    Args:
        first: the gateway never had a document: what its first one permits is its commissioning.

    Raises:
        InvalidInput: one of them is no document of a guard.
    """
    (was, old), (will, new) = (read_document(document, validate=False) for document in (before, after))
    found = [f"{was.mode} → {will.mode}"] if was.mode == "enforce" != will.mode else []
    if was.reads == "closed" != will.reads:
        found.append("reads closed → open")
    found += _of_rules(old.rules, [rule for rule in new.rules if not (first and rule.permits)])
    if was.time_zone != will.time_zone and _asks(old.rules, _MINUTES):
        found.append(f"time zone of rules about minutes: {was.time_zone} → {will.time_zone}")
    told, tells = ((one.plant_mode, one.plant_mode_point) for one in (was, will))
    if told != tells and _asks(old.rules, {_MODE}):
        found.append(f"plant mode of rules: {' '.join(told).strip() or 'none'} → {' '.join(tells).strip() or 'none'}")
    return found


def _of_rules(before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[str]:
    for rule in after:
        if rule.permits and not any(one.permits and _within(rule, one) for one in before):
            known = any(one.permits and one.id == rule.id for one in before)
            yield f"the rule {rule.id!r} permits more" if known else f"a new rule permits: {rule.id!r}"
    for rule in before:
        if not rule.permits and not any(not one.permits and _within(rule, one) for one in after):
            known = any(not one.permits and one.id == rule.id for one in after)
            yield f"the rule {rule.id!r} forbids less" if known else f"a rule that forbids is gone: {rule.id!r}"


def _asks(rules: Sequence[Rule], attributes: Any) -> bool:
    """Whether a rule asks for one of these attributes."""
    return any(name in attributes for rule in rules for term in rule.terms for name in (*term.numbers, *term.texts))


def _within(rule: Rule, other: Rule) -> bool:
    """Whether everything that a rule is about, the other is about too."""
    scopes = ((rule.principal, other.principal), (rule.action, other.action), (rule.resource, other.resource))
    return all(_scope_within(one, wide) for one, wide in scopes) and all(
        any(_term_within(term, wide) for wide in other.terms) for term in rule.terms
    )


def _scope_within(scope: Scope, other: Scope) -> bool:
    return other.everything or (not scope.everything and scope.entities <= other.entities)


def _term_within(term: Term, other: Term) -> bool:
    numbers = all(
        name in term.numbers and common(term.numbers[name], wide) == tuple(sorted(term.numbers[name]))
        for name, wide in other.numbers.items()
    )
    texts = all(name in term.texts and _texts_within(term.texts[name], wide) for name, wide in other.texts.items())
    return numbers and texts and other.members <= term.members


def _texts_within(texts: Texts, other: Texts) -> bool:
    if texts.inside:
        return texts.values <= other.values if other.inside else texts.values.isdisjoint(other.values)
    return not other.inside and other.values <= texts.values
