"""What a gateway part is, and which there are."""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from lineshaft.core.errors import NotFound
from lineshaft.core.health import Check
from lineshaft.core.service import Context
from lineshaft.edge.driver import Tools
from lineshaft.edge.model import GatewayConfig

if TYPE_CHECKING:
    from lineshaft.bus import Bus
    from lineshaft.edge.runner import DeviceRunner

Document = Mapping[str, Any]

PARTS: Final[Mapping[str, str]] = {
    "guard": "lineshaft.edge.guard.part:GuardPart",
    "audit": "lineshaft.edge.audit.part:AuditPart",
    "commands": "lineshaft.edge.commands.part:CommandsPart",
    "opcua_server": "lineshaft.edge.opcua_server.part:OpcUaServerPart",
    "modbus_proxy": "lineshaft.edge.proxies.modbus.part:ModbusProxyPart",
    "opcua_proxy": "lineshaft.edge.proxies.opcua.part:OpcUaProxyPart",
    "sparkplug_node": "lineshaft.edge.drivers.sparkplug.part:SparkplugNodePart",
}
"""`module:class` of every part by name, in the order in which they start; the last stops first."""

CHECKS: Final[Mapping[str, str]] = {
    "guard": "lineshaft.edge.guard.part:check",
    "opcua_server": "lineshaft.edge.opcua_server.document:check",
    "modbus_proxy": "lineshaft.edge.proxies.modbus.document:check",
    "opcua_proxy": "lineshaft.edge.proxies.opcua.document:check",
    "sparkplug_node": "lineshaft.edge.drivers.sparkplug.part:check",
}
"""`module:function` that refuses a document that cannot be, by the part's name; parts without documents are not here."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a part is given."""

    context: Context
    """Home, settings and identity of the installation."""
    gateway: str
    """Name of this gateway."""
    bus: "Bus"
    tools: Tools
    """The board of newest values, certificates, secrets, log."""
    runner: Callable[[str], "DeviceRunner | None"]
    """The running device of a name; None where there is none now."""
    part: Callable[[str], Any]
    """Another part by name, one that starts before this; KeyError where there is none."""


class GatewayPart(Protocol):
    """One thing that a gateway does beside reading devices. Made with `Surroundings`."""

    async def apply(self, document: Document | None, config: GatewayConfig) -> None:
        """Do what the document says from now on; None: nothing was configured, so the default. Never half of it.

        Raises:
            LineshaftError: it cannot be done here; the part then does nothing at all, and the gateway's check says so.
        """

    def checks(self) -> list[Check]:
        """How it is."""

    def status(self) -> Mapping[str, Any]:
        """Figures for `lineshaft device status --json`."""

    async def close(self) -> None:
        """Stop; never raises."""


def load_part(name: str) -> Callable[[Surroundings], GatewayPart]:
    """The class of the part."""
    part: Callable[[Surroundings], GatewayPart] = _load(PARTS[name])
    return part


def check_document(name: str, document: Document) -> None:
    """Refuse a document that the part could not apply.

    Raises:
        NotFound: there is no such part, or none that has a document.
        InvalidInput: what is wrong with it.
    """
    if name not in CHECKS:
        raise NotFound(
            "edge.part_unknown", f"a gateway has no part {name[:64]!r} that could be configured",
            f"There are: {', '.join(sorted(CHECKS))}.", part=name[:64], known=sorted(CHECKS),
        )  # fmt: skip
    _load(CHECKS[name])(document)


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
