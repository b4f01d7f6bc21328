"""What differs between two configurations, in the words of who wrote them: device, point, field, before, after."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lineshaft.core.differences import Difference
from lineshaft.core.differences import differences as differing
from lineshaft.edge.model import GatewayConfig

_NAMED: Final = frozenset({"devices", "points", "groups"})
"""Lists whose items are known by their name, wherever they stand."""
_UNSAID: Final = frozenset({"tag", "handle", "format", "gateway", "version", "created"})
"""What the system gives, not the engineer."""


def differences(before: GatewayConfig, after: GatewayConfig) -> list[Difference]:
    """Everything that differs, in the order of the names."""
    return list(differing(_plain(msgspec.to_builtins(before)), _plain(msgspec.to_builtins(after))))


def _plain(value: Any, name: str = "") -> Any:
    """Named lists as mappings, without what the system gives."""
    if isinstance(value, Mapping):
        return {key: _plain(each, key) for key, each in value.items() if key not in _UNSAID}
    if isinstance(value, list | tuple) and name in _NAMED:
        return {each["name"]: _plain({key: of for key, of in each.items() if key != "name"}) for each in value}
    return value
