"""The nouns: zone, conduit, flow, and the plan that holds them all. See IEC 62443-3-2 for the words.

The bus and the web server stand in one zone, the hub. Principals that no zone names belong to the hub too. A zone
without networks holds every address that no other zone names.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lineshaft.bus.subjects import check_subject
from lineshaft.core.errors import InvalidInput

FlowKind = Literal["telemetry", "command", "api", "tcp", "udp", "icmp"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Lower-case letters, digits, `_` and `-`."""

BUS_KINDS = frozenset({"telemetry", "command", "api"})
"""Flows that go over the bus or the web server, and so through the hub."""
ESSENTIAL = frozenset({"access", "web", "local"})
"""Principals that give out the plan itself: they stay in the hub, so that no plan can be the last."""
MAXIMUM_ZONES = 500
MAXIMUM_CONDUITS = 5_000
_FAULTS_SHOWN = 20


class Flow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may pass through a conduit."""

    kind: FlowKind
    """telemetry: values and events · command: to devices · api: requests · tcp, udp, icmp (echo): packets."""
    ports: tuple[Annotated[int, Meta(ge=1, le=65535)], ...] = ()
    """tcp and udp: the ports of the conduit's far end. Others: where the hub listens, if not on the usual ports."""
    subjects: tuple[str, ...] = ()
    """telemetry and command: only these subjects of the bus, below `ls.<tenant>.<site>.`, such as `data.gateway.*`."""


class Zone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Things with the same need for protection."""

    name: Name
    description: str = ""
    security_level: Annotated[int, Meta(ge=1, le=4)] = 1
    """SL-T, the level to reach."""
    networks: tuple[str, ...] = ()
    """IPv4 and IPv6, as `10.1.0.0/16`."""
    members: tuple[Name, ...] = ()
    """Names of principals."""
    interface: str = ""
    """Where the packet filter has this zone: no other source address is admitted there. Empty: not checked."""

    def parsed(self) -> list[Network]:
        """The networks, as numbers."""
        return [ipaddress.ip_network(network) for network in self.networks]


class Conduit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one way by which something passes from a zone to another."""

    name: Name
    source: Name = msgspec.field(name="from")
    target: Name = msgspec.field(name="to")
    flows: tuple[Flow, ...]
    both_ways: bool = False
    description: str = ""


class ZonePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All zones and conduits of an installation."""

    zones: tuple[Zone, ...]
    conduits: tuple[Conduit, ...] = ()
    hub: str = ""
    """The zone of the bus and the web server; empty: the first."""

    @property
    def hub_zone(self) -> str:
        return self.hub or self.zones[0].name

    def zone(self, name: str) -> Zone:
        """The zone of that name; KeyError where there is none."""
        for zone in self.zones:
            if zone.name == name:
                return zone
        raise KeyError(name)

    def zone_of(self, principal: str) -> str:
        """Name of the zone that a principal belongs to."""
        return self.memberships().get(principal, self.hub_zone)

    def memberships(self) -> dict[str, str]:
        """Zone by name of principal, of those that a zone names."""
        return {member: zone.name for zone in self.zones for member in zone.members}

    def passages(self) -> Iterator[tuple[str, str, Conduit]]:
        """(from, to, conduit), a conduit of both ways twice."""
        for conduit in self.conduits:
            yield conduit.source, conduit.target, conduit
            if conduit.both_ways:
                yield conduit.target, conduit.source, conduit

    def flows(self, source: str, target: str) -> list[Flow]:
        """What may pass from one zone to another."""
        found = [conduit.flows for start, end, conduit in self.passages() if (start, end) == (source, target)]
        return [flow for flows in found for flow in flows]


DEFAULT = ZonePlan(zones=(Zone(name="site", description="Everything; nothing is kept apart yet."),))
"""The plan of a new installation: one zone, no restriction."""


def decode_plan(data: bytes) -> ZonePlan:
    """A plan from its JSON, checked.

    Raises:
        InvalidInput: not a plan, or one that cannot be.
    """
    try:
        plan = msgspec.json.decode(data, type=ZonePlan)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            "access.zone_plan_unreadable", f"the zone plan cannot be read: {error}",
            "A plan is one JSON object with zones and conduits, as `lineshaft zones show --json` prints it.",
            reason=str(error),
        ) from error  # fmt: skip
    check_plan(plan)
    return plan


def check_plan(plan: ZonePlan) -> None:
    """Refuse a plan that cannot be.

    Raises:
        InvalidInput: names each field, its value and the rule it breaks, all in one error.
    """
    faults = _Faults()
    _check_zones(plan, faults)
    if plan.zones:
        _check_members(plan, faults)
        _check_networks(plan, faults)
        _check_conduits(plan, faults)
    faults.refuse()


class _Faults:
    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, field: str, value: object, rule: str) -> None:
        shown = repr(value)
        self._found.append(f"{field} is {shown[:120]}: {rule}")

    def refuse(self) -> None:
        if not self._found:
            return
        count = len(self._found)
        shown = "; ".join(self._found[:_FAULTS_SHOWN]) + ("; …" if count > _FAULTS_SHOWN else "")
        raise InvalidInput(
            "access.zone_plan_invalid", f"the zone plan cannot be so: {shown}",
            "Correct what is named; the plan in force is unchanged.", faults=shown, count=count,
        )  # fmt: skip


def _check_zones(plan: ZonePlan, faults: _Faults) -> None:
    if not 1 <= len(plan.zones) <= MAXIMUM_ZONES:
        faults.add("zones", len(plan.zones), f"a plan has 1 to {MAXIMUM_ZONES} zones")
    if len(plan.conduits) > MAXIMUM_CONDUITS:
        faults.add("conduits", len(plan.conduits), f"a plan has at most {MAXIMUM_CONDUITS} conduits")
    _check_unique("zones.name", [zone.name for zone in plan.zones], faults)
    _check_unique("conduits.name", [conduit.name for conduit in plan.conduits], faults)
    interfaces = [zone.interface for zone in plan.zones if zone.interface]
    _check_unique("zones.interface", interfaces, faults)
    for interface in interfaces:
        if len(interface) > 15 or not interface.isascii() or any(sign in interface for sign in ' /"\\\n\t'):
            faults.add("zones.interface", interface, "no name of a network interface (15 characters at most)")
    if plan.hub and plan.hub not in {zone.name for zone in plan.zones}:
        faults.add("hub", plan.hub, "there is no such zone")


def _check_unique(field: str, values: Sequence[str], faults: _Faults) -> None:
    for value in sorted({value for value in values if values.count(value) > 1}):
        faults.add(field, value, "it is there twice")


def _check_members(plan: ZonePlan, faults: _Faults) -> None:
    seen: dict[str, str] = {}
    for zone in plan.zones:
        for member in zone.members:
            if member in seen:
                faults.add(f"zones.{zone.name}.members", member, f"it is a member of {seen[member]} already")
            seen.setdefault(member, zone.name)
            if member in ESSENTIAL and zone.name != plan.hub_zone:
                rule = f"it gives out the plan itself and stays in the hub, {plan.hub_zone}"
                faults.add(f"zones.{zone.name}.members", member, rule)


def _check_networks(plan: ZonePlan, faults: _Faults) -> None:
    taken: list[tuple[Network, str]] = []
    for zone in plan.zones:
        field = f"zones.{zone.name}.networks"
        for text in zone.networks:
            network = _parse(text, field, faults)
            if network is None:
                continue
            for other, owner in taken:
                if network.version == other.version and network.overlaps(other):
                    faults.add(field, text, f"it overlaps {other} of {owner}")
            taken.append((network, zone.name))


def _parse(text: str, field: str, faults: _Faults) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        faults.add(field, text, f"no network, such as 10.1.0.0/16 or 2001:db8::/48 ({error})")
        return None


def _check_conduits(plan: ZonePlan, faults: _Faults) -> None:
    zones = {zone.name: zone for zone in plan.zones}
    for conduit in plan.conduits:
        field = f"conduits.{conduit.name}"
        unknown = [(end, name) for end, name in (("from", conduit.source), ("to", conduit.target)) if name not in zones]
        for end, name in unknown:
            faults.add(f"{field}.{end}", name, "there is no such zone")
        if conduit.source == conduit.target:
            faults.add(f"{field}.to", conduit.target, "a conduit joins two zones; within one nothing is kept apart")
        if not conduit.flows:
            faults.add(f"{field}.flows", [], "a conduit has at least one flow")
        if not unknown:
            for flow in conduit.flows:
                _check_flow(plan, conduit, flow, zones, faults)


def _check_flow(plan: ZonePlan, conduit: Conduit, flow: Flow, zones: dict[str, Zone], faults: _Faults) -> None:
    field = f"conduits.{conduit.name}.flows"
    if flow.kind in ("tcp", "udp") and not flow.ports:
        faults.add(f"{field}.ports", [], f"a {flow.kind} flow names its ports")
    if flow.kind == "icmp" and flow.ports:
        faults.add(f"{field}.ports", list(flow.ports), "an icmp flow has none")
    if flow.subjects and flow.kind not in ("telemetry", "command"):
        faults.add(f"{field}.subjects", list(flow.subjects), "only telemetry and command flows have subjects")
    for subject in flow.subjects:
        _check_pattern(field, subject, faults)
    ends = (zones[conduit.source], zones[conduit.target])
    if flow.kind in BUS_KINDS:
        _check_members_of_ends(plan, field, flow, ends, faults)
    else:
        for zone in ends:
            if not zone.networks:
                faults.add(
                    field, flow.kind, f"the zone {zone.name} has no networks that packets could come from or go to"
                )


def _check_members_of_ends(plan: ZonePlan, field: str, flow: Flow, ends: tuple[Zone, Zone], faults: _Faults) -> None:
    hub = plan.hub_zone
    if flow.kind == "telemetry" and hub not in (ends[0].name, ends[1].name):
        faults.add(field, flow.kind, f"telemetry begins or ends at the bus, in the zone {hub}")
    for zone in ends:
        if flow.kind != "api" and zone.name != hub and not zone.members:
            faults.add(field, flow.kind, f"the zone {zone.name} has no members that could send or take it")


def _check_pattern(field: str, subject: str, faults: _Faults) -> None:
    try:
        check_subject(subject, wildcards=True)
    except InvalidInput:
        faults.add(f"{field}.subjects", subject, "no pattern of bus subjects")
        return
    if subject.partition(".")[0] not in ("data", "event", "dead", "cmd"):
        faults.add(f"{field}.subjects", subject, "it begins with data, event, dead or cmd, without ls.<tenant>.<site>")
