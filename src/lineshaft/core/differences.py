"""What differs between two documents, in the words of who wrote them: where, before, after."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `before` is null for what was added, `after` for what was removed."""

    change: Literal["added", "removed", "changed"]
    where: str
    """`devices/press/points/torque/scale`, for example."""
    before: Any = None
    after: Any = None


def differences(before: Any, after: Any, where: str = "") -> Iterator[Difference]:
    """Everything that differs between two trees of mappings, in the order of the keys; lists are compared whole."""
    if before == after:
        return
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield Difference(change="changed", where=where, before=before, after=after)
        return
    for key in sorted(before.keys() | after.keys()):
        here = f"{where}/{key}" if where else key
        if key not in after:
            yield Difference(change="removed", where=here, before=before[key])
        elif key not in before:
            yield Difference(change="added", where=here, after=after[key])
        else:
            yield from differences(before[key], after[key], here)
