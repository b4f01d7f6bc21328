"""Witness packets: what the plan says must pass and must not, sent through the packet filter for real.

Each zone becomes a network namespace with an address of each of its families, joined by a router namespace in which the
ruleset is loaded. Needs root, `nft` and `ip`; nothing outside those namespaces is touched, and nothing stays.
"""

import contextlib
import ipaddress
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from lineshaft.access.zones.model import Zone, ZonePlan
from lineshaft.access.zones.packets import Accept, Ports, accepts
from lineshaft.core.errors import Unavailable

MAXIMUM_ZONES: Final = 64
_UNUSED_PORT: Final = 9
"""Refused everywhere, unless a flow names it."""
_ARRIVES_SECONDS: Final = 2.0
_LOST_SECONDS: Final = 0.8
_WHOLE_SECONDS: Final = 120.0

Kind = Literal["tcp", "udp", "icmp", "nd", "pmtu"]
"""nd: neighbour discovery · pmtu: the error "packet too big" about a datagram that passed."""


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """One packet that is sent, and what must become of it."""

    source: str
    target: str
    """Zones; the target of `nd` is the router."""
    kind: Kind
    version: Literal[4, 6]
    port: int = 0
    forged: bool = False
    """Bears an address of the target's zone as its source."""
    passes: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a witness."""

    witness: Witness
    passed: bool


def check_possible() -> None:
    """Refuse where namespaces cannot be made.

    Raises:
        Unavailable: not root, or a program is missing; says which.
    """
    missing = [name for name in ("nft", "ip", "unshare") if shutil.which(name) is None]
    reason = f"{', '.join(missing)} not installed" if missing else "" if os.geteuid() == 0 else "not root"
    if reason:
        raise Unavailable(
            "access.zones_not_verifiable", f"witness packets cannot be sent here: {reason}",
            "Run it as root on a Linux machine with nftables, iproute2 and util-linux.", reason=reason,
        )  # fmt: skip


def verify(plan: ZonePlan, ports: Ports, ruleset: str) -> list[Result]:
    """Send every witness of a plan through a ruleset.

    Raises:
        Unavailable: the namespaces cannot be made, or the ruleset cannot be loaded.
    """
    check_possible()
    zones = [zone for zone in plan.zones if zone.networks][:MAXIMUM_ZONES]
    sent = list(witnesses(plan, ports))
    if not sent:
        return []
    answer = _perform(_script(zones, sent, ruleset))
    return [Result(witness=each, passed=bool(answer.get(str(number)))) for number, each in enumerate(sent)]


def witnesses(plan: ZonePlan, ports: Ports) -> Iterator[Witness]:
    """What is sent: for every pair of zones each flow of the plan, and as much that must be refused."""
    zones = [zone for zone in plan.zones if zone.networks][:MAXIMUM_ZONES]
    admitted = accepts(plan, ports)
    for zone in zones:
        if _address(zone, 6):
            yield Witness(source=zone.name, target="", kind="nd", version=6, passes=True)
    for source in zones:
        for target in zones:
            if source is not target:
                yield from _between(source, target, admitted)


def _between(source: Zone, target: Zone, admitted: list[Accept]) -> Iterator[Witness]:
    here = [accept for accept in admitted if (accept.source, accept.target) == (source.name, target.name)]
    for version in (4, 6):
        if not _address(source, version) or not _address(target, version):
            continue
        for kind in ("tcp", "udp"):
            opened = {port for accept in here if accept.protocol == kind for port in accept.ports}
            for port in _ports_of(kind, admitted):
                yield Witness(source=source.name, target=target.name, kind=kind, version=version, port=port,
                              passes=port in opened)  # fmt: skip
        datagrams = [port for accept in here if accept.protocol == "udp" for port in accept.ports]
        if version == 6 and datagrams:
            yield Witness(
                source=source.name, target=target.name, kind="pmtu", version=6, port=datagrams[0], passes=True
            )  # fmt: skip
        pings = any(accept.protocol == "icmp" for accept in here)
        yield Witness(source=source.name, target=target.name, kind="icmp", version=version, passes=pings)
        if source.interface or target.interface:
            port = _ports_of("udp", admitted)[0]
            yield Witness(source=source.name, target=target.name, kind="udp", version=version, port=port,
                          forged=True, passes=False)  # fmt: skip


def _ports_of(kind: str, admitted: list[Accept]) -> list[int]:
    """Every port that the plan names for a protocol, and one beside."""
    return sorted({port for accept in admitted if accept.protocol == kind for port in accept.ports} | {_UNUSED_PORT})


def _script(zones: list[Zone], sent: list[Witness], ruleset: str) -> bytes:
    """What the stage is told."""
    by_name = {zone.name: zone for zone in zones}
    tcp, udp = ({each.port for each in sent if each.kind in kinds} for kinds in (("tcp",), ("udp", "pmtu")))
    stages = [
        {"name": zone.name, "interface": zone.interface or f"zone{number}", "v4": _address(zone, 4),
         "v6": _address(zone, 6), "tcp": sorted(tcp), "udp": sorted(udp)}
        for number, zone in enumerate(zones)
    ]  # fmt: skip
    probes = []
    for number, each in enumerate(sent):
        target = _address(by_name[each.target], each.version) if each.target else ""
        source = (
            _forged(by_name[each.target], each.version) if each.forged else _address(by_name[each.source], each.version)
        )
        probes.append(
            {"id": str(number), "zone": each.source, "protocol": each.kind, "source": source, "target": target,
             "port": each.port, "forged": each.forged,
             "seconds": _ARRIVES_SECONDS if each.passes else _LOST_SECONDS}
        )  # fmt: skip
    return msgspec.json.encode({"zones": stages, "probes": probes, "ruleset": ruleset})


def _perform(script: bytes) -> dict[str, bool]:
    command = ["unshare", "-n", "--", sys.executable, "-m", "lineshaft.access.zones.stage"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as stage:
        try:
            output, errors = stage.communicate(script, timeout=_WHOLE_SECONDS)
        except BaseException:  # Ctrl-C too: with the processes the kernel removes their namespaces
            with contextlib.suppress(ProcessLookupError):
                os.killpg(stage.pid, 9)
            raise
    try:
        answer: dict[str, Any] = msgspec.json.decode(output)
    except msgspec.DecodeError:
        answer = {"refused": errors.decode(errors="replace").strip()[-500:] or f"exit {stage.returncode}"}
    if "refused" in answer:
        raise Unavailable(
            "access.zones_stage_refused", f"the witnesses could not be sent: {answer['refused']}",
            "Network namespaces must be allowed here, and the ruleset must be one that nft takes.",
            reason=answer["refused"],
        )  # fmt: skip
    passed: dict[str, bool] = answer["passed"]
    return passed


def row(result: Result) -> dict[str, Any]:
    """A result as the command line prints it."""
    each = result.witness
    packet = f"{'forged ' if each.forged else ''}{each.kind}{f' {each.port}' if each.port else ''} IPv{each.version}"
    right = each.passes == result.passed
    return {
        "from": each.source, "to": each.target or "router", "packet": packet, "must": _word(each.passes),
        "did": _word(result.passed), "right": right, "mark": "" if right else "WRONG",
    }  # fmt: skip


def _word(passes: bool) -> str:  # noqa: FBT001
    return "pass" if passes else "stop"


def _address(zone: Zone, version: int) -> str:
    """An address of the zone for its witness; empty where it has none of that version."""
    return _pick(zone, version, 0)


def _forged(zone: Zone, version: int) -> str:
    """Another address of the zone, where its networks have room; else the same."""
    return _pick(zone, version, 1) or _pick(zone, version, 0)


def _pick(zone: Zone, version: int, which: int) -> str:
    for network in zone.parsed():
        if network.version == version:
            offset = 1 + which if network.num_addresses > 3 else 0  # not the network's own address
            return str(ipaddress.ip_address(int(network.network_address) + offset)) if offset or not which else ""
    return ""
