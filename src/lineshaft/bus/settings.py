"""Settings of the bus: where it is, what it may store, how it is encrypted."""

import ipaddress
from typing import Annotated

from msgspec import Meta

from lineshaft.core.settings import Section

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class BusSettings(Section, frozen=True):
    SECTION = "bus"

    url: Annotated[
        str, Meta(description="Address of a bus elsewhere, nats://host:port or tls://host:port; empty: the box's own")
    ] = ""
    host: Annotated[str, Meta(description="Address the box's own bus listens on; TLS is needed beyond loopback")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the box's own bus; 0: any free one")] = 4222
    store_max_bytes: Annotated[
        int, Meta(ge=4 * MIB, description="Disk space for telemetry that history has not sealed yet; full: refuse")
    ] = 8 * GIB
    event_max_bytes: Annotated[
        int, Meta(ge=1 * MIB, description="Disk space for domain events; full: the oldest go")
    ] = 256 * MIB
    dead_max_bytes: Annotated[
        int, Meta(ge=1 * MIB, description="Disk space for messages that could not be decoded; full: the oldest go")
    ] = 64 * MIB
    identifier_max_bytes: Annotated[
        int, Meta(ge=1 * MIB, description="Disk space for the change logs of servers of identifiers, all together")
    ] = 256 * MIB
    max_payload: Annotated[int, Meta(ge=64 * KIB, le=8 * MIB, description="Largest message, in bytes")] = 1 * MIB
    tls_certificate: Annotated[str, Meta(description="PEM file of the bus's certificate and its chain")] = ""
    tls_key: Annotated[str, Meta(description="PEM file of the certificate's private key")] = ""
    tls_ca: Annotated[
        str, Meta(description="PEM file of the authorities that clients trust; empty: those of the system")
    ] = ""
    mqtt: Annotated[bool, Meta(description="Let devices connect to the box's own bus by MQTT 3.1.1")] = False
    mqtt_host: Annotated[str, Meta(description="Address MQTT listens on; TLS is needed beyond loopback")] = "127.0.0.1"
    mqtt_port: Annotated[int, Meta(ge=0, le=65535, description="Port of MQTT; 0: any free one")] = 1883

    @property
    def encrypted(self) -> bool:
        """Whether connections to this bus use TLS."""
        return self.url.startswith("tls://") if self.url else bool(self.tls_certificate)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on or connect to never leaves this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
