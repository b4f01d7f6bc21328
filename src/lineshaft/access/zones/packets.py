"""Which packets a plan lets pass between zones: the one list that the packet filter is written from and checked by.

Only what opens a connection stands here; answers come back on their own. Telemetry, commands and requests travel on
connections that members open to the hub.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from lineshaft.access.zones.model import BUS_KINDS, Flow, ZonePlan

Protocol = Literal["tcp", "udp", "icmp"]


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub listens."""

    bus: int = 4222
    web: int = 8420


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    """Packets that may go from one zone to another."""

    conduit: str
    source: str
    target: str
    protocol: Protocol
    """icmp: echo requests, of IPv4 and IPv6."""
    ports: tuple[int, ...] = ()


def accepts(plan: ZonePlan, ports: Ports) -> list[Accept]:
    """Everything that may pass between zones, conduit by conduit, without repeats."""
    found: dict[Accept, None] = {}
    for source, target, conduit in plan.passages():
        for flow in conduit.flows:
            for accept in _of_flow(plan, flow, conduit.name, source, target, ports):
                found[accept] = None
    return list(found)


def _of_flow(plan: ZonePlan, flow: Flow, conduit: str, source: str, target: str, ports: Ports) -> Iterator[Accept]:
    if flow.kind not in BUS_KINDS:
        yield Accept(conduit=conduit, source=source, target=target, protocol=flow.kind, ports=tuple(sorted(flow.ports)))  # type: ignore[arg-type]
        return
    usual = (ports.bus, ports.web) if flow.kind == "api" else (ports.bus,)
    hub = plan.hub_zone
    for zone in (source, target):
        if zone != hub and plan.zone(zone).networks and plan.zone(hub).networks:
            wanted = tuple(sorted(set(flow.ports or usual)))
            yield Accept(conduit=conduit, source=zone, target=hub, protocol="tcp", ports=wanted)
