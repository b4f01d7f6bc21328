"""The bus: NATS with JetStream. Subjects, envelopes, streams, requests, and the box's own server.

Connections are principals': `Bus.connect(settings, home, name)` uses the credentials that `access` signed.
Not here: who may do what (`access` composes `permissions`), and what messages mean to their packages.
It may be imported by `ledger`, `access` and everything above. `telemetry` is apart, because it imports pyarrow.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.bus.address import Address as Address
    from lineshaft.bus.address import find_address as find_address
    from lineshaft.bus.care import ServerCare as ServerCare
    from lineshaft.bus.client import Bus as Bus
    from lineshaft.bus.client import Stored as Stored
    from lineshaft.bus.client import credentials_file as credentials_file
    from lineshaft.bus.client import ensure_streams as ensure_streams
    from lineshaft.bus.connection import Listener as Listener
    from lineshaft.bus.envelopes import BatchHeader as BatchHeader
    from lineshaft.bus.envelopes import Dropped as Dropped
    from lineshaft.bus.envelopes import Event as Event
    from lineshaft.bus.envelopes import Gap as Gap
    from lineshaft.bus.envelopes import decode_body as decode_body
    from lineshaft.bus.envelopes import read_batch_header as read_batch_header
    from lineshaft.bus.envelopes import read_event as read_event
    from lineshaft.bus.live import LiveMessage as LiveMessage
    from lineshaft.bus.live import Subscription as Subscription
    from lineshaft.bus.permissions import Permissions as Permissions
    from lineshaft.bus.reader import StreamReader as StreamReader
    from lineshaft.bus.server import BusAuth as BusAuth
    from lineshaft.bus.server import BusServer as BusServer
    from lineshaft.bus.settings import BusSettings as BusSettings
    from lineshaft.bus.streams import CONFIG as CONFIG
    from lineshaft.bus.streams import DEADLETTER as DEADLETTER
    from lineshaft.bus.streams import EVENTS as EVENTS
    from lineshaft.bus.streams import TELEMETRY as TELEMETRY
    from lineshaft.bus.streams import StoredMessage as StoredMessage
    from lineshaft.bus.streams import StreamState as StreamState
    from lineshaft.bus.subjects import Subjects as Subjects
    from lineshaft.bus.system import BusAdministration as BusAdministration

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
    "Dropped",
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

__getattr__ = door(
    __name__,
    {
        "address": ("Address", "find_address"),
        "care": ("ServerCare",),
        "client": ("Bus", "Stored", "credentials_file", "ensure_streams"),
        "connection": ("Listener",),
        "envelopes": ("BatchHeader", "Dropped", "Event", "Gap", "decode_body", "read_batch_header", "read_event"),
        "live": ("LiveMessage", "Subscription"),
        "permissions": ("Permissions",),
        "reader": ("StreamReader",),
        "server": ("BusAuth", "BusServer"),
        "settings": ("BusSettings",),
        "streams": ("CONFIG", "DEADLETTER", "EVENTS", "StoredMessage", "StreamState", "TELEMETRY"),
        "subjects": ("Subjects",),
        "system": ("BusAdministration",),
    },
)
