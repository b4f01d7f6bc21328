"""Options of a Sparkplug device, and what of them can be judged without asking the broker."""

from typing import Annotated

from msgspec import Meta

from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.mqtt.broker import BrokerOptions
from lineshaft.edge.drivers.sparkplug.topics import id_fault


class SparkplugOptions(BrokerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which edge node or device to read, and who we are as a host application."""

    group_id: str
    edge_node_id: str
    device_id: str = ""
    """Empty: the edge node itself."""
    host_id: str = "lineshaft"
    """Our name as a host application: one per site. Edge nodes that wait for a primary host name it."""
    reorder_seconds: Annotated[float, Meta(ge=0, le=2)] = 2.0
    """How long a message that came too early waits for those before it."""
    birth_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 10.0
    """How long to wait for the births that were asked for before the device counts as offline."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        super().judge(endpoint, faults)
        for name in ("group_id", "edge_node_id", "device_id", "host_id"):
            text = getattr(self, name)
            fault = id_fault(text)
            if fault and (text or name != "device_id"):
                faults.add(f"options.{name}", text, fault)
