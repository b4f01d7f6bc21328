"""The bus: NATS with JetStream. Subjects, envelopes, streams, requests, and the box's own server.

Connections are principals': `Bus.connect(settings, home, name)` uses the credentials that `access` signed.
Not here: who may do what (`access` composes `permissions`), and what messages mean to their packages.
It may be imported by `ledger`, `access` and everything above. `telemetry` is apart, because it imports pyarrow.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineshaft.bus.address import Address, find_address
    from lineshaft.bus.care import ServerCare
    from lineshaft.bus.client import Bus, Stored, credentials_file, ensure_streams
    from lineshaft.bus.connection import Listener
    from lineshaft.bus.envelopes import BatchHeader, Event, Gap, decode_body, read_batch_header, read_event
    from lineshaft.bus.live import LiveMessage, Subscription
    from lineshaft.bus.permissions import Permissions
    from lineshaft.bus.reader import StreamReader
    from lineshaft.bus.server import BusAuth, BusServer
    from lineshaft.bus.settings import BusSettings
    from lineshaft.bus.streams import CONFIG, DEADLETTER, EVENTS, TELEMETRY, StoredMessage, StreamState
    from lineshaft.bus.subjects import Subjects
    from lineshaft.bus.system import BusAdministration

_HOMES = {
    "address": ("Address", "find_address"),
    "care": ("ServerCare",),
    "client": ("Bus", "Stored", "credentials_file", "ensure_streams"),
    "connection": ("Listener",),
    "envelopes": ("BatchHeader", "Event", "Gap", "decode_body", "read_batch_header", "read_event"),
    "live": ("LiveMessage", "Subscription"),
    "permissions": ("Permissions",),
    "reader": ("StreamReader",),
    "server": ("BusAuth", "BusServer"),
    "settings": ("BusSettings",),
    "streams": ("CONFIG", "DEADLETTER", "EVENTS", "TELEMETRY", "StoredMessage", "StreamState"),
    "subjects": ("Subjects",),
    "system": ("BusAdministration",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CONFIG",
    "DEADLETTER",
    "EVENTS",
    "TELEMETRY",
    "Address",
    "BatchHeader",
    "Bus",
    "BusAdministration",
    "BusAuth",
    "BusServer",
    "BusSettings",
    "Event",
    "Gap",
    "Listener",
    "LiveMessage",
    "Permissions",
    "ServerCare",
    "Stored",
    "StoredMessage",
    "StreamReader",
    "StreamState",
    "Subjects",
    "Subscription",
    "credentials_file",
    "decode_body",
    "ensure_streams",
    "find_address",
    "read_batch_header",
    "read_event",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{module}"), name)
