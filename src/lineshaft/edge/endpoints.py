"""Which driver an endpoint is for, where its scheme tells."""

from collections.abc import Mapping
from typing import Final

from lineshaft.core.errors import NotFound

_SCHEMES: Final[Mapping[str, str]] = {
    "opc.tcp": "opcua", "modbus-tcp": "modbus", "modbus-rtu": "modbus", "modbus-rtu-tcp": "modbus", "mqtt": "mqtt",
    "mqtts": "mqtt", "s7": "s7", "snmp": "snmp", "coap": "coap", "coaps": "coap", "lorawan-udp": "lorawan", "calculated": "calculated",
}  # fmt: skip


def driver_of(endpoint: str) -> str:
    """The driver that an endpoint is meant for.

    Raises:
        NotFound: it does not tell; several speak over HTTP, for example.
    """
    scheme = endpoint.partition(":")[0]
    if scheme not in _SCHEMES:
        raise NotFound(
            "edge.driver_unclear", f"the endpoint {endpoint!r} does not tell which driver it is for",
            "Name it with --driver.", endpoint=endpoint,
        )  # fmt: skip
    return _SCHEMES[scheme]
