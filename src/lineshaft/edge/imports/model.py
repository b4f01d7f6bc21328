"""What an import gives."""

from collections.abc import Callable
from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.model import Point
from lineshaft.edge.units import as_said

LONGEST_NAME: Final = 255
"""Of a point; a file can say in one place what a hundred thousand names begin with."""
_LONGEST_REASON: Final = 500


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """Something that did not become a point."""

    name: str
    reason: str


class Imported(msgspec.Struct, kw_only=True):
    """Points, and what did not become one."""

    points: list[Point] = []
    left: list[Left] = []
    notes: list[Left] = []
    """What somebody should know of points."""

    def settle(self, rule: Callable[[Point], tuple[Point, str]] = as_said) -> "Imported":
        """Give the points' units their codes; those that have none stay as text, with a note."""
        ruled = [rule(point) for point in self.points]
        self.points = [point for point, _ in ruled]
        self.notes += [Left(name=point.name, reason=note) for point, note in ruled if note]
        return self

    def leave(self, name: str, reason: str) -> None:
        """Note what did not become a point."""
        self.left.append(Left(name=name[:LONGEST_NAME], reason=reason[:_LONGEST_REASON]))


def unreadable(file: str, reason: str) -> InvalidInput:
    """The error for a file that cannot be read as what it should be."""
    return InvalidInput(
        "edge.import_unreadable", f"{file} cannot be imported: {reason}", "See docs/importing.md for what can be.",
        field="file", value=file, reason=reason,
    )  # fmt: skip


def unique(name: str, taken: dict[str, int]) -> str:
    """A name that nobody has yet, and is taken from now on.

    Args:
        taken: names, each with the number that the next of the same name tries.
    """
    number, free = taken.get(name, 2), name
    while free in taken:
        free, number = f"{name}~{number}", number + 1
    taken[name] = number
    taken.setdefault(free, 2)
    return free
