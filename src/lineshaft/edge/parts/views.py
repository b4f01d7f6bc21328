"""Documents of parts as somebody sees them who may not configure them: where a part is, not who gets in and how."""

from collections.abc import Mapping
from typing import Any, Final

from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts.model import Document

WHOLE: Final = frozenset({"guard"})
"""Parts whose documents hold nothing that a viewer may not know: what may be written is no secret of those who look on."""
SHOWN: Final[Mapping[str, frozenset[str]]] = {
    "opcua_server": frozenset({"host", "port", "points"}),
    "opcua_proxy": frozenset({"host", "port", "device"}),
    "modbus_proxy": frozenset({"listeners", "host", "port", "device"}),
    "sparkplug_node": frozenset({"group_id", "edge_node_id", "points"}),
}
"""Fields that a viewer sees; of a part that is not here, none."""


def reduced(name: str, document: Document) -> dict[str, Any]:
    """What a viewer sees of a document."""
    if name in WHOLE:
        return dict(document)
    return _only(document, SHOWN.get(name, frozenset()))


def reduced_config(config: GatewayConfig) -> dict[str, dict[str, Any]]:
    """What a viewer sees of a configuration's parts."""
    return {name: reduced(name, document) for name, document in config.parts.items()}


def _only(value: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    return {key: _inner(each, fields) for key, each in value.items() if key in fields}


def _inner(value: Any, fields: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return _only(value, fields)
    if isinstance(value, list | tuple):
        return [_inner(each, fields) for each in value]
    return value
