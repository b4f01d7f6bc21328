"""A policy compiled: which terms an operation fulfils, singly or in batches, and what its rules decide.

What depends on texts only (who, which device, function, space, node, plant mode) is looked up once and remembered as a
set of terms; what is a number goes through interval tables. Nothing here is stateful but these memories, which are
bounded and hold nothing that a look-up would not give again.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np

from lineshaft.edge.guard.functions import FUNCTIONS
from lineshaft.edge.guard.model import NO_PERMIT, GuardMode, GuardPrincipal, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.policy import GuardPolicy
from lineshaft.edge.guard.schema import (
    GREATEST,
    LEAST,
    MEMORY_NUMBERS,
    MOMENT_NUMBERS,
)
from lineshaft.edge.guard.table import Array, ExtentTable, IntervalTable, Limits, sets_of, words

MOST_REMEMBERED: Final = 8192
"""Entries of each memory; one that is full is emptied."""

_PLACE: Final = attrgetter("protocol", "device", "function", "space", "node")
_EXTENT: Final = attrgetter("start", "count", "values", "node")
_EXTENTS: Final = ((0, "start", "end"), (2, "minimum", "maximum"))
_PRINCIPAL_TEXTS: Final = ("principal.name", "principal.kind", "principal.zone", "principal.foreign")

Place = tuple[str, str, str, str, str]
Extent = tuple[int, int, int, int]
Memory = tuple[int, int, int]
"""`MEMORY_NUMBERS` of an operation."""


class Moment(msgspec.Struct, frozen=True):
    """What is the same for all operations of one check."""

    mode: str = ""
    minute_of_day: int = 0
    minute_of_week: int = 0
    approvals: int = 0
    presence: bool = False


class Compiled:
    """Decides as Cedar does: a forbid wins, and what nothing permits is denied.

    Args:
        policies: their rules together decide.
        groups: of each device, the groups that it is in, as `Type::"id"`.
        gateway: name of the gateway, whose every device is in `Gateway::"name"`.
        mode: of the guard; where it is not `enforce`, verdicts let through and say what would have been.
    """

    def __init__(
        self,
        policies: Iterable[GuardPolicy],
        groups: Mapping[str, frozenset[str]] | None = None,
        gateway: str = "",
        mode: GuardMode = "enforce",
    ) -> None:
        self._mode = mode
        self.rules = [rule for policy in policies for rule in policy.rules]
        self._terms = [(number, term) for number, rule in enumerate(self.rules) for term in rule.terms]
        self._groups = groups or {}
        self._gateway = f'Gateway::"{gateway}"'
        limited = {name for _, term in self._terms for name in term.numbers}
        self._of_operation = [
            (place, ExtentTable(self._limits(low), self._limits(high)))
            for place, low, high in _EXTENTS
            if limited & {low, high}
        ]
        memory, moment = (
            [(number, name, IntervalTable(self._limits(name))) for number, name in enumerate(names) if name in limited]
            for names in (MEMORY_NUMBERS, MOMENT_NUMBERS)
        )
        self._of_memory = [(number, table) for number, _, table in memory]
        self._of_moment = [(name, table) for _, name, table in moment]
        self.remembers = frozenset(MEMORY_NUMBERS) & limited
        """What it has to be told of earlier operations."""
        self._wants_values = bool(limited & {"minimum", "maximum"})
        self._places: dict[Place, int] = {}
        self._numbers: dict[Place, int] = {}
        self._sets: list[int] = []
        self._words: Array | None = None
        self._principals: dict[GuardPrincipal, int] = {}
        self._modes: dict[str, int] = {}
        self._verdicts: dict[int, Verdict] = {}

    # -- one check ----------------------------------------------------------------------------------------------------

    def basis(self, principal: GuardPrincipal, moment: Moment) -> int:
        """The terms that who and when leave open."""
        found = self._principals.get(principal)
        if found is None:
            found = self._remember(self._principals, principal, self._of_principal(principal))
        mode = self._modes.get(moment.mode)
        if mode is None:
            mode = self._remember(self._modes, moment.mode, self._of_texts({"mode": moment.mode}))
        found &= mode
        for name, table in self._of_moment:
            found &= table.find(getattr(moment, name))
        return found

    def decide(self, basis: int, operation: Operation, memory: Memory | None = None) -> Verdict:
        """Rule on one operation."""
        place = _PLACE(operation)
        found = self._places.get(place)
        if found is None:
            found = self._sets[self._number(place)]
        found &= basis
        if found and self._of_operation:
            extent = extent_of(operation)
            for index, extents in self._of_operation:
                found &= extents.find(extent[index], extent[index + 1])
        if found and memory is not None:
            for index, table in self._of_memory:
                found &= table.find(memory[index])
        return self._verdict(found)

    def decide_all(self, basis: int, operations: Sequence[Operation]) -> list[Verdict]:
        """Rule on operations together; only where the policy `remembers` nothing."""
        found = self._place_words(operations) & words([basis], len(self._terms))
        columns = columns_of(operations, values=self._wants_values) if self._of_operation else ()
        for index, extents in self._of_operation:
            found &= extents.find_all(columns[index], columns[index + 1])
        known = self._verdicts
        sets = sets_of(found)
        try:
            return [known[one] for one in sets]
        except KeyError:
            return [self._verdict(one) for one in sets]

    def _limits(self, name: str) -> list[Limits]:
        return [term.numbers.get(name) for _, term in self._terms]

    def _place_words(self, operations: Sequence[Operation]) -> Array:
        numbers = self._numbers
        try:
            rows = [numbers[place] for place in map(_PLACE, operations)]
        except KeyError:
            if len(numbers) + len(operations) > MOST_REMEMBERED:
                self._forget_places()
            rows = [self._number(_PLACE(operation)) for operation in operations]
        if self._words is None:
            self._words = words(self._sets, len(self._terms))
        return self._words.take(rows, axis=0)

    # -- what texts decide, remembered ----------------------------------------------------------------------------------

    def _number(self, place: Place) -> int:
        number = self._numbers.get(place)
        if number is None:
            if len(self._numbers) >= MOST_REMEMBERED:
                self._forget_places()
            number = self._numbers[place] = len(self._sets)
            self._sets.append(self._of_place(*place))
            self._places[place] = self._sets[-1]
            self._words = None
        return number

    def _forget_places(self) -> None:
        self._numbers, self._places, self._sets, self._words = {}, {}, [], None

    def _of_place(self, protocol: str, device: str, function: str, space: str, node: str) -> int:
        named = f"{protocol}.{function}"
        actions = frozenset(f'Action::"{one}"' for one in (named, *FUNCTIONS.get(named, ())))
        devices = frozenset((f'Device::"{device}"', self._gateway)) | self._groups.get(device, frozenset())
        scoped = self._scoped(lambda rule: rule.action, actions) & self._scoped(lambda rule: rule.resource, devices)
        return scoped & self._of_texts({"space": space, "node": node})

    def _of_principal(self, principal: GuardPrincipal) -> int:
        groups = frozenset(f'Role::"{role}"' for role in principal.groups) | {f'Zone::"{principal.zone}"'}
        texts = (principal.name, principal.kind, principal.zone, "true" if principal.foreign else "false")
        found = self._scoped(lambda rule: rule.principal, groups | {f'Principal::"{principal.id}"'})
        found &= self._of_texts(dict(zip(_PRINCIPAL_TEXTS, texts, strict=True)))
        return found & self._which(
            lambda term: all(named.isdisjoint(groups) != inside for named, inside in term.members)
        )

    def _scoped(self, side: Any, groups: frozenset[str]) -> int:
        admitted = [side(rule).admits(groups) for rule in self.rules]
        return sum(1 << bit for bit, (rule, _) in enumerate(self._terms) if admitted[rule])

    def _of_texts(self, texts: Mapping[str, str]) -> int:
        return self._which(
            lambda term: all(text in term.texts[name] for name, text in texts.items() if name in term.texts)
        )

    def _which(self, fits: Any) -> int:
        return sum(1 << bit for bit, (_, term) in enumerate(self._terms) if fits(term))

    def _remember(self, memory: dict[Any, int], key: Any, found: int) -> int:
        if len(memory) >= MOST_REMEMBERED:
            memory.clear()
        memory[key] = found
        return found

    # -- what rules decide ----------------------------------------------------------------------------------------------

    def _verdict(self, found: int) -> Verdict:
        verdict = self._verdicts.get(found)
        if verdict is None:
            if len(self._verdicts) >= MOST_REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[found] = self._rule_on(found)
        return verdict

    def _rule_on(self, found: int) -> Verdict:
        fulfilled = {rule for bit, (rule, _) in enumerate(self._terms) if found >> bit & 1}
        rules = [self.rules[number] for number in sorted(fulfilled)]
        forbids = [rule for rule in rules if not rule.permits]
        permits = tuple(rule.id for rule in rules if rule.permits)
        if forbids:
            reason = forbids[0].reason or f"forbidden by {forbids[0].id}"
            return denial(self._mode, reason, tuple(rule.id for rule in forbids))
        if permits:
            return Verdict(allowed=True, rules=permits, reason=f"permitted by {', '.join(permits)}", mode=self._mode)
        return denial(self._mode, NO_PERMIT)


def denial(mode: GuardMode, reason: str, rules: tuple[str, ...] = ()) -> Verdict:
    """A verdict against an operation; in the modes that only look on it is let through all the same."""
    looking = mode != "enforce"
    return Verdict(allowed=looking, rules=rules, reason=reason, mode=mode, would_deny=looking)


def extent_of(operation: Operation) -> Extent:
    """`OPERATION_NUMBERS` of an operation; what is not known is everything it could be."""
    values = operation.values
    if len(values) == 1:
        least = greatest = values[0]
    elif values:
        least, greatest = min(values), max(values)
    else:
        least, greatest = LEAST, GREATEST
    if operation.node:
        return LEAST, GREATEST, least, greatest
    return operation.start, operation.start + operation.count - 1, least, greatest


def columns_of(operations: Sequence[Operation], *, values: bool) -> Sequence[Any]:
    """`OPERATION_NUMBERS` of many operations as columns; both ends are one column where they are the same throughout.

    Args:
        values: whether anybody asks for the last two; else they are anything.
    """
    starts, counts, told, nodes = zip(*map(_EXTENT, operations), strict=True)
    if any(nodes):
        return tuple(np.array([extent_of(one) for one in operations], np.int64).T)
    start = end = np.array(starts, np.int64)
    if counts.count(1) < len(counts):
        end = start + np.array(counts, np.int64) - 1
    if not values:
        return start, end, start, start
    try:
        least = greatest = np.array([value for (value,) in told], np.int64)
    except ValueError:  # not one value each
        least = np.array([min(one, default=LEAST) for one in told], np.int64)
        greatest = np.array([max(one, default=GREATEST) for one in told], np.int64)
    return start, end, least, greatest
