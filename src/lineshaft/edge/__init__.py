"""Edge: the gateway between devices and the bus.

A driver reads a device into columns, the intake gives them their tags and judges times and qualities, the lane sends
them in numbered batches that the bus confirms. `Devices` keeps the configuration that a gateway runs; gateways
themselves need no database. Not here: what happens to a value after the bus has it (`history`).
May be imported by `web`, `cli`, `demo`. Drivers of others use `lineshaft.edge.driver` and `lineshaft.edge.columns`.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.edge.certificates import ApplicationCertificates as ApplicationCertificates
    from lineshaft.edge.model import Device as Device
    from lineshaft.edge.model import GatewayConfig as GatewayConfig
    from lineshaft.edge.model import Point as Point
    from lineshaft.edge.model import ScanGroup as ScanGroup
    from lineshaft.edge.parts.store import PartDocuments as PartDocuments
    from lineshaft.edge.profiles.store import Profiles as Profiles
    from lineshaft.edge.secret_records import SecretRecords as SecretRecords
    from lineshaft.edge.secrets import Secret as Secret
    from lineshaft.edge.secrets import Secrets as Secrets
    from lineshaft.edge.service import GatewayService as GatewayService
    from lineshaft.edge.settings import EdgeSettings as EdgeSettings
    from lineshaft.edge.store import Devices as Devices
    from lineshaft.edge.versions.store import Versions as Versions

__all__ = [
    "ApplicationCertificates",
    "Device",
    "Devices",
    "EdgeSettings",
    "GatewayConfig",
    "GatewayService",
    "PartDocuments",
    "Point",
    "Profiles",
    "ScanGroup",
    "Secret",
    "SecretRecords",
    "Secrets",
    "Versions",
]

__getattr__ = door(
    __name__,
    {
        "certificates": ("ApplicationCertificates",),
        "model": ("Device", "GatewayConfig", "Point", "ScanGroup"),
        "parts.store": ("PartDocuments",),
        "profiles.store": ("Profiles",),
        "secret_records": ("SecretRecords",),
        "secrets": ("Secret", "Secrets"),
        "service": ("GatewayService",),
        "settings": ("EdgeSettings",),
        "store": ("Devices",),
        "versions.store": ("Versions",),
    },
)
