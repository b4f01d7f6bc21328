"""What differs between two configurations, in the words of who wrote them: device, point, field, before, after."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from lineshaft.edge.model import GatewayConfig

_NAMED: Final = frozenset({"devices", "points", "groups"})
"""Lists whose items are known by their name, wherever they stand."""
_UNSAID: Final = frozenset({"tag", "handle", "format", "gateway", "version", "created"})
"""What the system gives, not the engineer."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `before` is null for what was added, `after` for what was removed."""

    change: Literal["added", "removed", "changed"]
    where: str
    """`devices/press/points/torque/scale`, for example."""
    before: Any = None
    after: Any = None


def differences(before: GatewayConfig, after: GatewayConfig) -> list[Difference]:
    """Everything that differs, in the order of the names."""
    return list(_walk("", _plain(msgspec.to_builtins(before)), _plain(msgspec.to_builtins(after))))


def _plain(value: Any, name: str = "") -> Any:
    """Named lists as mappings, without what the system gives."""
    if isinstance(value, Mapping):
        return {key: _plain(each, key) for key, each in value.items() if key not in _UNSAID}
    if isinstance(value, list | tuple) and name in _NAMED:
        return {each["name"]: _plain({key: of for key, of in each.items() if key != "name"}) for each in value}
    return value


def _walk(where: str, before: Any, after: Any) -> Iterator[Difference]:
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
            yield from _walk(here, before[key], after[key])
