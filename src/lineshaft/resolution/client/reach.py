"""Which servers may be asked because a record names them.

Whoever holds a prefix writes into its record who serves it: without a rule, a resolver would send requests to its own
machine and to the network behind it on anybody's word. Asked are

    public addresses                    always
    loopback                            where resolution starts on this machine only, or a node listens on it only
    networks of `resolution.reach`      as the settings say; private ones are nowhere else allowed
    what configuration itself names     roots, and the server that a client is told to ask
    multicast, unspecified              never
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.site import Server, Site

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is routed between networks (RFC 4291 2.4)."""
_MOST_PORT: Final = 65_535


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """The rule above."""

    networks: tuple[Network, ...] = ()
    loopback: bool = False
    given: frozenset[tuple[str, int]] = frozenset()
    """Address and port of what configuration names."""

    def refusal(self, server: Server) -> str:
        """Why a server that a record names is not asked; empty: it is."""
        bad = next((one.port for one in server.interfaces if not 1 <= one.port <= _MOST_PORT), None)
        if bad is not None:
            return f"{bad} is not a port"
        if server.interfaces and all((server.address, one.port) in self.given for one in server.interfaces):
            return ""
        try:
            address = _plain(ipaddress.ip_address(server.address))
        except ValueError:
            return f"{server.address!r} is not an IP address"
        kind = _kind(address)
        if not kind or (kind == "a loopback address" and self.loopback):
            return ""
        if kind not in _NEVER and any(address in network for network in self.networks):
            return ""
        return f"{address} is {kind}, and a record alone does not lead there: see resolution.reach"

    def with_sites(self, sites: Iterable[Site]) -> "Reach":
        """The same, and the servers of those sites."""
        named = {(server.address, one.port) for site in sites for server in site.servers for one in server.interfaces}
        return msgspec.structs.replace(self, given=self.given | named)


def reach_of(networks: Sequence[str], starts: Iterable[str]) -> Reach:
    """The rule for who begins, or listens, at these addresses.

    Args:
        networks: allowed beside public addresses, as 192.168.10.0/24 or fd00::/8.
        starts: addresses; loopback is allowed where there are some, and all are loopback.

    Raises:
        InvalidInput: not a network.
    """
    own = [is_loopback(one) for one in starts]
    return Reach(networks=tuple(map(_network, networks)), loopback=bool(own) and all(own))


def is_loopback(host: str) -> bool:
    """Whether an address, or the name `localhost`, is this machine's own."""
    try:
        return _plain(ipaddress.ip_address(host)).is_loopback
    except ValueError:
        return host == "localhost"


_NEVER: Final = frozenset(("a multicast address", "no address of a machine"))


def _kind(address: Address) -> str:
    """What keeps an address from being a public one; empty: nothing."""
    if address.is_unspecified:
        return "no address of a machine"
    if address.is_multicast:
        return "a multicast address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_private:
        return "a private address"
    return "" if _is_public(address) else "not a public address"


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    inner = address.sixtofour
    return address in _UNICAST and (inner is None or not _kind(inner))


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as one of IPv6, as IPv4: the system takes both for the same."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidInput(
            "resolution.reach_network", f"{text!r} is not a network: {error}", "Write it as 192.168.10.0/24 or fd00::/8.",
            field="resolution.reach", value=text, reason=str(error),
        ) from error  # fmt: skip
