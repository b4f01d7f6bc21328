"""What was done while the guard learned, as boxes; and the policy that would permit just that, for a person to judge.

A box is one principal, function, device and space or node, with the addresses and values seen. Whoever attacks while
the guard learns is learned too: that is why nothing here ever comes into force by itself.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.home import write_file
from lineshaft.edge.guard.compiled import Compiled, Moment, extent_of
from lineshaft.edge.guard.functions import FUNCTIONS
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.schema import LEAST

MOST_PLACES: Final = 4096
MOST_BOXES: Final = 16
"""Boxes of one place; beyond that the two whose addresses are closest become one."""


class Box(msgspec.Struct):
    """Addresses and values that were seen together."""

    start: int
    end: int
    minimum: int
    maximum: int
    count: int = 1

    def take(self, other: "Box") -> None:
        """Become the smallest box around both."""
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.minimum, self.maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        self.count += other.count


class Seen(msgspec.Struct, kw_only=True):
    """What one principal did to one place by one function."""

    principal: GuardPrincipal
    protocol: str
    device: str
    function: str
    space: str = ""
    node: str = ""
    boxes: list[Box] = []
    first: int
    last: int
    """Microseconds UTC."""


class Busy(msgspec.Struct):
    """How many operations of one function a device got in its busiest minute."""

    minute: int = 0
    count: int = 0
    most: int = 0


class Learned(msgspec.Struct, kw_only=True):
    """The learned set."""

    seen: dict[str, Seen] = {}
    busy: dict[str, Busy] = {}
    missed: int = 0
    """Operations that found no room."""
    revision: int = 0

    def observe(self, operation: Operation, principal: GuardPrincipal) -> None:
        """Take one operation in."""
        now = clock.now_us()
        where = operation.node or operation.space
        parts = (
            principal.id,
            operation.protocol,
            operation.device,
            operation.function,
            str(bool(operation.node)),
            where,
        )
        key = "\n".join(parts)
        seen = self.seen.get(key)
        if seen is None:
            if len(self.seen) >= MOST_PLACES:
                self.missed += 1
                return
            seen = self.seen[key] = Seen(
                principal=principal, protocol=operation.protocol, device=operation.device, first=now, last=now,
                function=operation.function, space="" if operation.node else operation.space, node=operation.node,
            )  # fmt: skip
        seen.last = now
        _add(seen.boxes, Box(*extent_of(operation)))
        self._count(f"{operation.device}\n{operation.function}", now // (60 * clock.MICROSECONDS))
        self.revision += 1

    def busiest(self, device: str, function: str) -> int:
        """Most operations within a minute of the clock."""
        found = self.busy.get(f"{device}\n{function}")
        return found.most if found else 0

    def _count(self, key: str, minute: int) -> None:
        busy = self.busy.setdefault(key, Busy())
        if busy.minute != minute:
            busy.minute, busy.count = minute, 0
        busy.count += 1
        busy.most = max(busy.most, busy.count)


def load(file: Path) -> Learned:
    """The learned set as it was kept; an empty one where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Learned)
    except (OSError, msgspec.MsgspecError):
        return Learned()


def save(file: Path, learned: Learned) -> None:
    """Keep it."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    write_file(file, msgspec.json.encode(learned))


def propose(learned: Learned, present: Compiled, moment: Moment) -> dict[str, str]:
    """Text of a rule for every box that `present` would not permit, by the rule's id."""
    found: dict[str, str] = {}
    for seen in learned.seen.values():
        if f"{seen.protocol}.{seen.function}" not in FUNCTIONS:
            continue
        basis = present.basis(seen.principal, moment)
        for box in seen.boxes:
            if not present.decide(basis, _whole(seen, box), (0, 0, 0)).allowed:
                identifier, text = _rule(seen, box, learned.busiest(seen.device, seen.function))
                found[identifier] = text
    return found


def quoted(text: str) -> str:
    """A text as Cedar writes it."""
    plain = (char if char.isprintable() and char not in '"\\' else f"\\u{{{ord(char):x}}}" for char in text)
    return f'"{"".join(plain)}"'


def _add(boxes: list[Box], fresh: Box) -> None:
    for box in boxes:
        if (
            fresh.start <= box.end + 1
            and box.start <= fresh.end + 1
            and (box.minimum == LEAST) == (fresh.minimum == LEAST)
        ):
            box.take(fresh)
            return
    boxes.append(fresh)
    if len(boxes) > MOST_BOXES:
        boxes.sort(key=lambda box: box.start)
        closest = min(range(len(boxes) - 1), key=lambda at: boxes[at + 1].start - boxes[at].end)
        boxes[closest].take(boxes.pop(closest + 1))


def _whole(seen: Seen, box: Box) -> Operation:
    values = () if box.minimum == LEAST else (box.minimum, box.maximum)
    start, count = (0, 1) if seen.node else (box.start, box.end - box.start + 1)
    return Operation(
        protocol=seen.protocol, device=seen.device, function=seen.function, space=seen.space, node=seen.node,
        start=start, count=count, values=values,
    )  # fmt: skip


def _rule(seen: Seen, box: Box, busiest: int) -> tuple[str, str]:
    limits = [f"context.node == {quoted(seen.node)}"] if seen.node else [
        f"context.space == {quoted(seen.space)}", f"context.start >= {box.start}", f"context.end <= {box.end}",
    ]  # fmt: skip
    if box.minimum != LEAST:
        limits += [f"context.minimum >= {box.minimum}", f"context.maximum <= {box.maximum}"]
    # Any sixty seconds lie within two minutes of the clock.
    limits.append(f"context.count_last_minute < {2 * busiest}")
    body = (
        f"permit (\n  principal == Principal::{quoted(seen.principal.id)},\n"
        f"  action == Action::{quoted(f'{seen.protocol}.{seen.function}')},\n"
        f"  resource == Device::{quoted(seen.device)}\n) when {{\n  " + " &&\n  ".join(limits) + "\n};\n"
    )
    identifier = f"learned-{hashlib.sha256(body.encode()).hexdigest()[:10]}"
    who = "".join(char if char.isprintable() else "?" for char in seen.principal.name or seen.principal.id)
    since, until = (clock.rfc3339(at)[:16] for at in (seen.first, seen.last))
    return identifier, f'// {who}: {box.count} times, {since} to {until}\n@id("{identifier}")\n{body}'


def join(policy: str, rules: Iterable[str]) -> str:
    """A policy with more rules at its end."""
    return "\n".join([policy.rstrip("\n") + "\n", *rules])


def difference(before: str, after: str) -> Sequence[str]:
    """What a change of a policy's text is, as a unified diff."""
    import difflib

    pair = (before.splitlines(), after.splitlines())
    return list(difflib.unified_diff(*pair, "in force", "proposed", lineterm=""))
