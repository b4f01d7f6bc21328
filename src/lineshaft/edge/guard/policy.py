"""A guard policy as people write it, read and refused: scopes, terms, and the line of every rule."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.guard import schema
from lineshaft.edge.guard.subset import OutsideSubset, Term, terms_of

LONGEST_TEXT: Final = 256 * 1024
MOST_TERMS: Final = 2048
"""Terms of a whole text."""

READS: Final = '@id("reads-open")\npermit (principal, action in Action::"read", resource);\n'
"""What a guard that keeps reads open has besides."""


class Scope(msgspec.Struct, frozen=True):
    """Entities of which one must be the thing itself or a group that it is in."""

    entities: frozenset[str] = frozenset()
    """As `Type::"id"`."""
    everything: bool = False

    def admits(self, groups: frozenset[str]) -> bool:
        """Whether something that is in these groups, itself among them, fits."""
        return self.everything or not self.entities.isdisjoint(groups)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One permit or forbid."""

    id: str
    """Its `@id`, else its effect and a digest of what it says."""
    permits: bool
    line: int
    reason: str
    """Of a forbid: what a denial says."""
    principal: Scope
    action: Scope
    resource: Scope
    terms: tuple[Term, ...]


class GuardPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that the guard can work by."""

    text: str
    rules: tuple[Rule, ...]
    version: str
    """Digest of the text."""


def compile_policy(text: str, *, validate: bool = True) -> GuardPolicy:
    """Read a policy.

    Args:
        validate: see whether names fit the schema, which takes 6 MB; not needed again for what fitted when it was
            stored. The subset is looked at in any case.

    Raises:
        InvalidInput: it is not Cedar, does not fit the schema, or is outside the subset; names line and reason.
    """
    if len(text.encode()) > LONGEST_TEXT:
        raise _invalid(text, 0, f"the text is longer than {LONGEST_TEXT:,} bytes")
    rules: dict[str, Rule] = {}
    for number, (position, node) in enumerate(_nodes(text, validate=validate), 1):
        rule = _rule(text, position, node)
        if rule.id in rules and not node.get("annotations", {}).get("id"):
            rule = msgspec.structs.replace(rule, id=f"{rule.id}-{number}")
        if rule.id in rules:
            raise _invalid(text, position, f"there are two policies with the id {rule.id!r}")
        rules[rule.id] = rule
    if sum(len(rule.terms) for rule in rules.values()) > MOST_TERMS:
        raise _invalid(text, 0, f"the policies have more than {MOST_TERMS:,} alternatives together")
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    return GuardPolicy(text=text, rules=tuple(rules.values()), version=version)


def _nodes(text: str, *, validate: bool) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every policy in Cedar's JSON notation, valid by the schema, and where it begins."""
    import cedarpy

    from lineshaft.access.policy import slices, statements

    for piece in statements.split(text):
        if too_big := statements.oversize(piece):
            raise _invalid(text, piece.start, too_big)
        try:
            nodes = slices.read(piece.text)
            problems = cedarpy.validate_policies(piece.text, schema.schema()).errors if validate else []
        except (ValueError, RecursionError) as error:
            raise _invalid(text, statements.where_unreadable(piece, str(error)), str(error)) from error
        for problem in problems:
            said = problem.error.removeprefix(f"for policy `{problem.policy_id}`, ")
            raise _invalid(text, statements.where_invalid(piece, said), said)
        for node in nodes.values():
            yield piece.start, node


def _rule(text: str, position: int, node: Mapping[str, Any]) -> Rule:
    from lineshaft.access.policy import statements

    notes = node.get("annotations", {})
    try:
        terms = terms_of(node["conditions"])
        scopes = {side: _scope(node[side]) for side in ("principal", "action", "resource")}
    except OutsideSubset as error:
        piece = next(one for one in statements.split(text) if one.start == position)
        raise _invalid(text, statements.where_invalid(piece, str(error)), str(error)) from error
    except RecursionError as error:
        raise _invalid(text, position, "the condition is nested too deep") from error
    return Rule(
        id=notes.get("id") or _name(node), permits=node["effect"] == "permit",
        line=statements.place(text, position).line, reason=notes.get("reason") or "", terms=tuple(terms), **scopes,
    )  # fmt: skip


def _name(node: Mapping[str, Any]) -> str:
    """What a rule without `@id` is called: the same as long as it says the same, wherever it stands."""
    digest = hashlib.sha256(msgspec.json.encode(node, order="deterministic")).hexdigest()
    return f"{node['effect']}-{digest[:8]}"


def _scope(scope: Mapping[str, Any]) -> Scope:
    """`is` says nothing more: there is one type of principal and one of resource."""
    inner = scope.get("in", scope)
    listed = inner.get("entities") or ([inner["entity"]] if "entity" in inner else [])
    if not listed and "entities" not in inner:
        return Scope(everything=True)
    return Scope(frozenset(f'{one["type"]}::"{one["id"]}"' for one in listed))


def _invalid(text: str, position: int, reason: str) -> InvalidInput:
    from lineshaft.access.policy import statements

    spot = statements.place(text, position)
    lines = text.splitlines()
    shown = lines[spot.line - 1].strip()[:120] if spot.line <= len(lines) else ""
    return InvalidInput(
        "edge.guard_policy_invalid", f"guard policy, line {spot.line}, column {spot.column}: {reason}: {shown}",
        "What is in force stays as it was. `lineshaft guard schema` prints what policies can be about.",
        field="policy", line=spot.line, column=spot.column, reason=reason, text=shown,
    )  # fmt: skip
