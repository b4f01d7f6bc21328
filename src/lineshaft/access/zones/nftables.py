"""The packet filter of a router between zones, as one nftables ruleset: `nft -f` replaces the whole table at once.

What no conduit admits is counted, logged (ten lines a second at the most) and dropped, both through the router and to
the router's own addresses. Answers, neighbour discovery and the errors that path MTU discovery lives on (RFC 4890) pass;
through the router only errors about connections that it knows, so that none carries anything where no conduit leads.
"""

from collections.abc import Iterator

from lineshaft.access.zones.model import Zone, ZonePlan
from lineshaft.access.zones.packets import Accept, Ports, accepts

TABLE = "lineshaft_zones"
_ALIVE = """\
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
    icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept"""
_ERRORS = """\
    icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept"""
_FAMILIES = (("ip", "v4", 4), ("ip6", "v6", 6))


def ruleset(plan: ZonePlan, ports: Ports) -> str:
    """The text for `nft -f`."""
    named = [zone for zone in plan.zones if zone.networks]
    return f"""# Written by Lineshaft from the zone plan: changes here are lost.
table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
{_sets(named)}
  chain genuine {{
    type filter hook prerouting priority raw; policy accept;
{_genuine(named)}
  }}
  chain between {{
{_lines(_within(named))}
{_lines(rule for accept in accepts(plan, ports) for rule in _rules(accept))}
  }}
  chain forward {{
    type filter hook forward priority filter; policy {"drop" if named else "accept"};
    ct state invalid counter drop
    ct state established,related counter accept
    jump between
{_lines(_elsewhere(plan, named))}
{_lines(_refuse("", "refused") if named else [])}
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iif lo accept
    ct state established,related counter accept
{_ALIVE}
{_ERRORS}
    jump between
{_lines(_to_router(named))}
  }}
}}
"""


def _sets(named: list[Zone]) -> str:
    sets = []
    for _, suffix, version in _FAMILIES:
        everything = []
        for zone in named:
            elements = [str(network) for network in zone.parsed() if network.version == version]
            everything += elements
            sets.append(_set(f"zone_{zone.name}_{suffix}", suffix, elements))
        sets.append(_set(f"named_{suffix}", suffix, everything))
    return "\n".join(sets)


def _set(name: str, suffix: str, elements: list[str]) -> str:
    filled = f" elements = {{ {', '.join(elements)} }};" if elements else ""
    kind = "ipv4_addr" if suffix == "v4" else "ipv6_addr"
    return f"  set {name} {{ type {kind}; flags interval; auto-merge;{filled} }}"


def _genuine(named: list[Zone]) -> str:
    """Source addresses only where they belong; hosts without an address yet, and link-local ones, may speak."""
    rules = []
    for zone in named:
        if not zone.interface:
            continue
        port, own, prefix = f'"{zone.interface}"', f"@zone_{zone.name}", f"forged {zone.name}"
        for match in (
            f"iifname {port} ip saddr != {own}_v4 ip saddr != {{ 0.0.0.0, 169.254.0.0/16 }}",
            f"iifname {port} ip6 saddr != {own}_v6 ip6 saddr != {{ ::, fe80::/10 }}",
            f'iifname != {{ {port}, "lo" }} ip saddr {own}_v4',
            f'iifname != {{ {port}, "lo" }} ip6 saddr {own}_v6',
        ):
            rules += _refuse(match, prefix)
    return _lines(rules)


def _within(named: list[Zone]) -> Iterator[str]:
    for zone in named:
        for family, suffix, version in _FAMILIES:
            if any(network.version == version for network in zone.parsed()):
                both = f"@zone_{zone.name}_{suffix}"
                yield f'{family} saddr {both} {family} daddr {both} counter accept comment "within {zone.name}"'


def _rules(accept: Accept) -> Iterator[str]:
    for family, suffix, version in _FAMILIES:
        ends = f"{family} saddr @zone_{accept.source}_{suffix} {family} daddr @zone_{accept.target}_{suffix}"
        what = _what(accept, version)
        yield f'{ends} {what} ct state new counter accept comment "conduit {accept.conduit}"'


def _what(accept: Accept, version: int) -> str:
    if accept.protocol == "icmp":
        return "icmp type echo-request" if version == 4 else "icmpv6 type echo-request"
    return f"{accept.protocol} dport {{ {', '.join(map(str, accept.ports))} }}"


def _elsewhere(plan: ZonePlan, named: list[Zone]) -> Iterator[str]:
    """Addresses that no zone names are one zone, where the plan has a zone without networks."""
    if named and len(named) < len(plan.zones):
        yield 'ip saddr != @named_v4 ip daddr != @named_v4 counter accept comment "within no named zone"'
        yield 'ip6 saddr != @named_v6 ip6 daddr != @named_v6 counter accept comment "within no named zone"'


def _to_router(named: list[Zone]) -> Iterator[str]:
    if named:
        yield from _refuse("ip saddr @named_v4 ip daddr @named_v4", "refused")
        yield from _refuse("ip6 saddr @named_v6 ip6 daddr @named_v6", "refused")


def _refuse(match: str, prefix: str) -> list[str]:
    """Two rules: who floods the filter must not flood the log."""
    return [
        f'{match} limit rate 10/second burst 20 packets log prefix "zones {prefix}: "'.strip(),
        f"{match} counter drop".strip(),
    ]


def _lines(rules: Iterator[str] | list[str]) -> str:
    return "\n".join(f"    {rule}" for rule in rules)
