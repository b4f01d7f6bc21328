"""One policy as it is in force: Cedar's tree, what its annotations mean, and what its conditions look at.

Annotations with a meaning here:
    @id("name")            part of the policy's id, `text/name`; else its number in the text
    @reason("…")           of a `forbid`: what a denial says
    @obligation("kind:argument")  mask, sample, record, approve; several are separated by spaces
    @expires("RFC3339")    from then on the policy counts no more
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, get_args

import cedarpy
import msgspec

from lineshaft.access.policy import schema, slices, statements
from lineshaft.access.policy.slices import Node
from lineshaft.access.policy.statements import Statement
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.principals import Obligation, ObligationKind

LONGEST_TEXT: Final = 256 * 1024
_ATTRIBUTE_OPERATORS: Final = (".", "has", "hasTag", "getTag")
_NEEDS_ARGUMENT: Final = frozenset({"mask", "sample", "approve"})


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A permit or forbid that is in force until it expires."""

    id: str
    node: Node
    """In Cedar's JSON notation."""
    text: str
    line: int
    obligations: tuple[Obligation, ...] = ()
    expires: int | None = None
    reason: str = ""
    reads_context: bool = False
    """Its conditions look at the request's context, so what it decides holds for this once only."""
    reads_groups: bool = False
    """Its conditions ask for the groups of the action."""
    reads_identity: bool = False
    """Its conditions look at which object it is, not only at the object's attributes."""
    words: frozenset[str] = frozenset()
    """Every name in its conditions: no attribute but these can matter to it."""

    @property
    def permits(self) -> bool:
        return bool(self.node["effect"] == "permit")


def compile_text(name: str, text: str, *, validate: bool = True) -> list[Policy]:
    """The policies of a text, each with an id that begins with `name/`.

    Args:
        validate: see whether they fit the schema; not needed for what was found to fit when it was uploaded.

    Raises:
        InvalidInput: the text cannot be read, does not fit the schema, or an annotation makes no sense; names the line.
    """
    if len(text.encode()) > LONGEST_TEXT:
        raise _invalid(name, text, 0, f"the text is longer than {LONGEST_TEXT:,} bytes")
    pieces = statements.split(text)
    for piece in pieces:
        if problem := statements.oversize(piece):
            raise _invalid(name, text, piece.start, problem)
    nodes = _read_all(name, text, pieces)
    if validate:
        _validate(name, text, pieces)
    made: dict[str, Policy] = {}
    for number, (piece, node) in enumerate(zip(pieces, nodes, strict=True), 1):
        policy = _policy(name, text, piece, node, number)
        if policy.id in made:
            raise _invalid(name, text, piece.start, f"there are two policies with the id {policy.id!r}")
        made[policy.id] = policy
    return list(made.values())


def mentions(node: Any, variable: str) -> bool:
    """Whether a variable (`context`, `action` …) occurs anywhere in a policy or expression."""
    return any(part.get("Var") == variable for part in walk(node))


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a policy or expression in Cedar's JSON notation."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _read_all(name: str, text: str, pieces: list[Statement]) -> list[Node]:
    """Every policy in Cedar's JSON notation. All at once, which is quicker; one by one to find which is wrong."""
    try:
        nodes = slices.read("\n".join(piece.text for piece in pieces))
        slices.parse(nodes)  # a text that Cedar reads may still be nested too deep for its JSON notation
    except (ValueError, RecursionError):
        nodes = {}
    if len(nodes) != len(pieces):
        return [_read(name, text, piece) for piece in pieces]
    return [nodes[f"policy{number}"] for number in range(len(pieces))]


def _read(name: str, text: str, piece: Statement) -> Node:
    try:
        nodes = slices.read(piece.text)
        slices.parse(nodes)
    except RecursionError as error:
        raise _invalid(name, text, piece.start, "the policy has too many operators in a row") from error
    except ValueError as error:
        raise _invalid(name, text, statements.where_unreadable(piece, str(error)), str(error)) from error
    return next(iter(nodes.values()))


def _validate(name: str, text: str, pieces: list[Statement]) -> None:
    result = cedarpy.validate_policies("\n".join(piece.text for piece in pieces), schema.schema())
    for problem in result.errors:
        # Cedar numbers the policies of a text in their order.
        number = problem.policy_id.removeprefix("policy")
        piece = pieces[int(number)] if number.isdigit() else Statement(text, 0)
        said = problem.error.removeprefix(f"for policy `{problem.policy_id}`, ")
        raise _invalid(name, text, statements.where_invalid(piece, said), said)


def _policy(name: str, text: str, piece: Statement, node: Node, number: int) -> Policy:
    notes = {key: value or "" for key, value in node.get("annotations", {}).items()}
    identifier = f"{name}/{notes.get('id') or number}"
    try:
        obligations = tuple(_obligations(notes.get("obligation", ""), identifier))
        expires = _moment(notes["expires"]) if "expires" in notes else None
    except ValueError as error:
        raise _invalid(name, text, piece.start, str(error)) from error
    if obligations and node["effect"] == "forbid":
        raise _invalid(name, text, piece.start, "a forbid has no obligations")
    return Policy(
        id=identifier, node=node, text=piece.text, line=statements.place(text, piece.start).line,
        obligations=obligations, expires=expires, reason=notes.get("reason", ""),
        reads_context=mentions(node["conditions"], "context"), reads_groups=_reads_groups(node["conditions"]),
        reads_identity=_reads_identity(node["conditions"]), words=frozenset(_words(node["conditions"])),
    )  # fmt: skip


def _reads_identity(conditions: Any) -> bool:
    attributes = sum(_of_resource(part.get(operator)) for part in walk(conditions) for operator in _ATTRIBUTE_OPERATORS)
    return attributes < sum(part.get("Var") == "resource" for part in walk(conditions))


def _of_resource(operands: Any) -> bool:
    return isinstance(operands, dict) and operands.get("left") == {"Var": "resource"}


def _words(conditions: Any) -> Iterator[str]:
    """Every text in the conditions, names of attributes among them, and every operator."""
    for condition in conditions:
        for part in walk(condition["body"]):
            yield from (operator for operator in _ATTRIBUTE_OPERATORS if operator in part)
            for value in part.values():
                yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))


def _reads_groups(conditions: Any) -> bool:
    return any(
        mentions(part[operator]["left"], "action")
        for part in walk(conditions)
        for operator in ("in", "is")
        if isinstance(part.get(operator), dict) and "left" in part[operator]
    )


def _obligations(text: str, policy: str) -> Iterator[Obligation]:
    for entry in text.split():
        kind, _, argument = entry.partition(":")
        if kind not in get_args(ObligationKind):
            raise ValueError(f"@obligation({entry!r}): kinds are {', '.join(get_args(ObligationKind))}")
        if bool(argument) != (kind in _NEEDS_ARGUMENT):
            raise ValueError(f"@obligation({entry!r}): {kind} {'needs' if not argument else 'takes no'} argument")
        if kind == "approve" and argument not in schema.GROUPS:
            raise ValueError(f"@obligation({entry!r}): roles are {', '.join(schema.GROUPS)}")
        if kind == "sample" and not _is_seconds(argument):
            raise ValueError(f"@obligation({entry!r}): the argument is a number of seconds above 0")
        yield Obligation(kind=kind, argument=argument, policy=policy)  # type: ignore[arg-type]


def _is_seconds(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"@expires({text!r}): write a time with its zone, as 2030-01-31T00:00:00Z")
    return clock.to_us(moment)


def _invalid(name: str, text: str, position: int, reason: str) -> InvalidInput:
    spot = statements.place(text, position)
    lines = text.splitlines()
    shown = lines[spot.line - 1].strip() if spot.line <= len(lines) else ""
    return InvalidInput(
        "access.policy_invalid", f"policy {name!r}, line {spot.line}, column {spot.column}: {reason}: {shown[:120]}",
        "What is in force stays as it was. `lineshaft policy show schema` prints the types and actions that there are.",
        name=name, line=spot.line, column=spot.column, reason=reason, text=shown[:120],
    )  # fmt: skip
