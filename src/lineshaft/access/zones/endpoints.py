"""What a gateway may connect to: the networks of its own zone, and of others only through conduits.

The rules travel with the gateway's configuration and are asked before each connection. Imports no database.
"""

import asyncio
import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

import msgspec

from lineshaft.access.zones.model import ZonePlan
from lineshaft.core.errors import Forbidden, InvalidInput, Unavailable

_DEFAULT_PORTS: Final = {
    "opc.tcp": 4840, "modbus-tcp": 502, "modbus-rtu-tcp": 502, "mqtt": 1883, "mqtts": 8883, "http": 80, "https": 443,
    "s7": 102, "snmp": 161, "coap": 5683, "coaps": 5684,
}  # fmt: skip
_OWN_MACHINE: Final = frozenset({"modbus-rtu", "lorawan-udp", "calculated"})
"""Schemes of endpoints that are on the gateway itself: a serial line, a port that it listens on, nothing at all."""
_RESOLVE_SECONDS: Final = 5.0


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Networks of one zone, and the ports that are open in them."""

    zone: str
    networks: tuple[str, ...]
    ports: tuple[int, ...] | None = None
    """None: all."""


class EndpointRules(msgspec.Struct, frozen=True, kw_only=True):
    """What one gateway may connect to."""

    zone: str
    """The gateway's own."""
    openings: tuple[Opening, ...] = ()
    """Addresses that some zone names are refused unless an opening admits them."""
    named: tuple[Opening, ...] = ()
    """Every network of the other zones."""
    elsewhere: bool = False
    """Whether addresses that no zone names are admitted: where the gateway's zone has no networks of its own."""

    def allows(self, address: str, port: int) -> bool:
        """Whether a connection to an address may be opened. The gateway's own machine is in its own zone."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if any(_within(ip, opening) for opening in self.openings if opening.ports is None or port in opening.ports):
            return True
        if any(_within(ip, zone) for zone in self.named):
            return False
        return self.elsewhere or ip.is_loopback

    async def check(self, endpoint: str) -> None:
        """Refuse an endpoint that the gateway may not connect to.

        Raises:
            Forbidden: an address behind it lies in another zone, without a conduit.
            InvalidInput: no address can be read from it. Unavailable: its name cannot be resolved.
        """
        if endpoint.partition(":")[0] in _OWN_MACHINE:
            return
        host, port = address_of(endpoint)
        for address in await _resolve(host, port):
            if not self.allows(address, port):
                where = self._zone_at(address)
                raise Forbidden(
                    "access.endpoint_outside_zone",
                    f"{endpoint!r} is {address} port {port}, in {where}: no conduit leads there from the zone {self.zone}",
                    "An administrator can add a tcp conduit, or the address to the gateway's zone: `lineshaft zones show`.",
                    endpoint=endpoint, address=address, port=port, zone=self.zone, where=where,
                )  # fmt: skip

    def _zone_at(self, address: str) -> str:
        ip = ipaddress.ip_address(address.partition("%")[0])
        return next((f"the zone {zone.zone}" for zone in self.named if _within(ip, zone)), "no zone")


def endpoint_rules(plan: ZonePlan, gateway: str) -> EndpointRules | None:
    """The rules of one gateway; None where nothing is forbidden."""
    own = plan.zone(plan.zone_of(gateway))
    others = [zone for zone in plan.zones if zone is not own and zone.networks]
    if not own.networks and not others:
        return None
    openings = [Opening(zone=own.name, networks=own.networks)] if own.networks else []
    for zone in others:
        ports = sorted({port for flow in plan.flows(own.name, zone.name) if flow.kind in ("tcp", "udp")
                        for port in flow.ports})  # fmt: skip
        if ports:
            openings.append(Opening(zone=zone.name, networks=zone.networks, ports=tuple(ports)))
    return EndpointRules(
        zone=own.name, openings=tuple(openings), elsewhere=not own.networks,
        named=tuple(Opening(zone=zone.name, networks=zone.networks) for zone in others),
    )  # fmt: skip


def address_of(endpoint: str) -> tuple[str, int]:
    """Host and port of a device's endpoint.

    Raises:
        InvalidInput: there are none in it.
    """
    try:
        parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = None, 0
    if not host:
        raise InvalidInput(
            "access.endpoint_unreadable", f"the endpoint {endpoint!r} names no host",
            "Give it as opc.tcp://host:port.", field="endpoint", value=endpoint,
        )  # fmt: skip
    return host, port


async def _resolve(host: str, port: int) -> list[str]:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return [host]
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), _RESOLVE_SECONDS)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise Unavailable(
            "access.endpoint_unresolved", f"no address is known for {host!r}, so its zone cannot be told",
            "Check the name, or give the address itself.", host=host, reason=str(error),
        ) from error  # fmt: skip
    return sorted({str(entry[4][0]) for entry in found})


def _within(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, zone: Opening) -> bool:
    return any(ip in ipaddress.ip_network(network) for network in zone.networks)
