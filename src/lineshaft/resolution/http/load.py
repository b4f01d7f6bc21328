"""`GET /api/v1/resolution/status`: what a node is and what it does, for those who watch over it.

Told to the node's own machine and to the networks of `resolution.watchers`, and to nobody else: load tells strangers how
near a node is to its limits.
"""

import ipaddress
import secrets
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes
from lineshaft.resolution.client.reach import is_loopback
from lineshaft.resolution.http.request import Answer, Request
from lineshaft.resolution.listeners.counts import Counts
from lineshaft.resolution.node import Node
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import encode_site

_JSON: Final = (b"content-type", b"application/json;charset=utf-8")


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of a node says of itself."""

    process: str
    """Made up at its start: counts of one process are compared with one another."""
    prefixes: list[str]
    """At home here."""
    recursive: bool
    records: int
    kept: int
    """Records of others in memory."""
    asked: int
    """Handles that other servers were asked about, since its start."""
    counts: Counts
    site: bytes
    """Description of the site, as HS_SITE holds it."""


class Resolver(Protocol):
    """What is known of a resolver for others."""

    asked: int
    """Handles that other servers were asked about."""

    @property
    def kept(self) -> int:
        """Records in memory."""
        ...


class Load:
    """The route.

    Args:
        node: whose.
        counts: of this process.
        watchers: networks that are told, beside loopback.
        resolver: asks other servers, where the node resolves for others.
    """

    def __init__(
        self, node: Node, counts: Counts, watchers: Sequence[str] = (), resolver: Resolver | None = None
    ) -> None:  # fmt: skip
        self._node = node
        self._counts = counts
        self._watchers = [network_of(text) for text in watchers]
        self._resolver = resolver
        self._process = secrets.token_hex(8)

    async def answer(self, request: Request) -> Answer:
        """What the node is and counted.

        Raises:
            Refused: as if there were nothing here, for everybody else.
        """
        if not self._may(request.source):
            raise Refused(codes.RC_NOT_SUPPORTED)
        node = self._node
        found = NodeStatus(
            process=self._process, prefixes=[prefix.decode("utf-8", "replace") for prefix in node.homes],
            recursive=self._resolver is not None, records=node.store.count(),
            kept=0 if self._resolver is None else self._resolver.kept,
            asked=0 if self._resolver is None else self._resolver.asked,
            counts=self._counts, site=encode_site(node.site),
        )  # fmt: skip
        return Answer(status=200, headers=[_JSON], body=msgspec.json.encode(found))

    def _may(self, source: str) -> bool:
        if is_loopback(source):
            return True
        try:
            address = ipaddress.ip_address(source)
        except ValueError:
            return False
        return any(address in network for network in self._watchers)


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network of the setting.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidInput(
            "resolution.watchers_network", f"{text!r} is not a network: {error}",
            "Write it as 192.168.10.0/24 or fd00::/8.", field="resolution.watchers", value=text, reason=str(error),
        ) from error  # fmt: skip
