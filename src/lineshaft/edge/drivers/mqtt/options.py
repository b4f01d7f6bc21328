"""Options of an MQTT device, and what of them can be judged without asking the broker."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.mqtt.address import read_pointer, topic_fault
from lineshaft.edge.drivers.mqtt.broker import BrokerOptions, Version

Format = Literal["json", "cbor", "text"]
QualityCode = Literal["classic", "status"]
TimeUnit = Literal["s", "ms", "us", "rfc3339"]


class MqttOptions(BrokerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages become values, and values commands."""

    version: Version = "3.1.1"
    client_id: str = ""
    """Empty: one that the library makes up."""
    clean: bool = True
    """False: the broker keeps our subscriptions and, from QoS 1 on, the messages while we are away; needs a client id."""
    qos: Literal[0, 1, 2] = 1
    """At most this quality of service is asked for."""
    format: Format = "json"
    rows: str = ""
    """Pointer to an array of objects: each is a row, in which the other pointers lead. An array as message is one anyhow."""
    time: str = ""
    """Pointer to the time of the values; empty: the message's arrival."""
    time_unit: TimeUnit = "ms"
    quality: str = ""
    """Pointer to the quality; empty: every value is good."""
    quality_code: QualityCode = "classic"
    """`classic`: 192 to 255 or true good, 64 to 127 uncertain, else bad (OPC DA). `status`: an OPC UA StatusCode."""
    command_topic: str = ""
    """Where commands go, with `{topic}` and `{name}` of the point: `{topic}/set`."""
    commands: Mapping[str, str] = {}
    """Topics of commands by name of the point, where they do not follow the rule."""
    command_shape: Literal["value", "object"] = "value"
    """A command is the bare value, or an object with the value where the point's pointer leads."""
    listen_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 3.0
    """How long a browse listens for topics."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        super().judge(endpoint, faults)
        for name in ("rows", "time", "quality"):
            try:
                read_pointer(getattr(self, name))
            except ValueError as error:
                faults.add(f"options.{name}", getattr(self, name), str(error))
            if self.format == "text" and getattr(self, name):
                faults.add(f"options.{name}", getattr(self, name), "a text has no members")
        if not self.clean and not self.client_id:
            faults.add("options.client_id", self.client_id, "a session that the broker keeps needs a client id")
        for name, topic in {"command_topic": self.command_topic, **self.commands}.items():
            fault = topic_fault(topic) if topic or name != "command_topic" else ""
            if fault or "+" in topic:
                faults.add(f"options.{name}", topic, fault or "a command goes to one topic")

    def command_of(self, name: str, topic: str) -> str:
        """Where a command to a point goes; empty where nothing says so."""
        return self.commands.get(name) or self.command_topic.replace("{topic}", topic).replace("{name}", name)
