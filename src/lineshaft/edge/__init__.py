"""Edge: the gateway between devices and the bus.

A driver reads a device into columns, the intake gives them their tags and judges times and qualities, the lane sends
them in numbered batches that the bus confirms. `Devices` keeps the configuration that a gateway runs; gateways
themselves need no database. Not here: what happens to a value after the bus has it (`history`).
May be imported by `web`, `cli`, `demo`. Drivers of others use `lineshaft.edge.driver` and `lineshaft.edge.columns`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineshaft.edge.certificates import ApplicationCertificates
    from lineshaft.edge.model import Device, GatewayConfig, Point, ScanGroup
    from lineshaft.edge.secrets import Secret, Secrets
    from lineshaft.edge.service import GatewayService
    from lineshaft.edge.settings import EdgeSettings
    from lineshaft.edge.store import Devices

_HOMES = {
    "certificates": ("ApplicationCertificates",),
    "model": ("Device", "GatewayConfig", "Point", "ScanGroup"),
    "secrets": ("Secret", "Secrets"),
    "service": ("GatewayService",),
    "settings": ("EdgeSettings",),
    "store": ("Devices",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ApplicationCertificates",
    "Device",
    "Devices",
    "EdgeSettings",
    "GatewayConfig",
    "GatewayService",
    "Point",
    "ScanGroup",
    "Secret",
    "Secrets",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{module}"), name)
