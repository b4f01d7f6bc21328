"""What a point takes on its machine, in one canonical form: two names of one register have extents that overlap.

An extent is a place and a range of bits in it. Places are levels, the machine's endpoint first: where one ends, the other
goes on inside it. A driver says its extents by a function that its manifest names; without one, endpoint and address are
compared as texts. Host names are not looked up: another name of one host is another machine here.
"""

import functools
import importlib
import ipaddress
import os
import socket
import unicodedata
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec

from lineshaft.core.errors import InvalidInput, NotFound
from lineshaft.edge.driver import find_driver
from lineshaft.edge.model import Device, Point

LOOPBACK: Final = "loopback"
_LINES: Final = "/dev/"


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """A place and what of it."""

    place: tuple[str, ...]
    first: int = 0
    last: int = 0
    """Bits, as they go over the wire; both 0 where the place is not counted in bits."""
    form: str = ""
    name: str = ""
    """A part of the place's name that has several forms. Two of one form are compared; of two forms nobody knows."""
    selector: str = ""
    """What sets it apart in its place where the machine heeds that, such as a unit of Modbus/TCP; empty: all of them."""
    type: str = ""
    """Raw type of what is there; empty: values are typed, or it is not known."""

    def overlaps(self, other: "Extent") -> bool:
        """Whether what is written to one may change the other, of a machine that heeds selectors."""
        apart = self.selector and other.selector and self.selector != other.selector
        return not apart and self.may_overlap(other)

    def may_overlap(self, other: "Extent") -> bool:
        """The same of a machine that ignores them. What nobody knows counts as one place."""
        touching = self.first <= other.last and other.first <= self.last
        return touching and self._beside(other) and (self.form != other.form or self.name == other.name)

    def holds(self, other: "Extent") -> bool:
        """Whether the other lies in it, whole, for certain: of two forms that is not known."""
        inside = self.first <= other.first and other.last <= self.last
        named = (self.form, self.name) == (other.form, other.name) and self.selector in ("", other.selector)
        return inside and named and len(self.place) <= len(other.place) and self._beside(other)

    def _beside(self, other: "Extent") -> bool:
        common = min(len(self.place), len(other.place))
        return self.place[:common] == other.place[:common]


Locate = Callable[[Device, Point], Extent]
"""The extent of a device's point. Raises ValueError or `InvalidInput` where endpoint, options or address cannot be."""


def extent_of(device: Device, point: Point) -> Extent:
    """What a point takes on its machine."""
    try:
        locate = _locate(device.driver)
        if locate is not None:
            return locate(device, point)
    except (ValueError, LookupError, TypeError, msgspec.MsgspecError, InvalidInput, NotFound):
        pass  # what cannot be cannot run either; its words are compared
    return Extent(place=("text", device.endpoint.strip(), point.address.strip()))


def on_this_machine(place: tuple[str, ...]) -> tuple[str, ...]:
    """A place with its serial line, where its second level is one, by the name that links to it lead to here."""
    line = place[1]
    return (place[0], os.path.realpath(line), *place[2:]) if line.startswith(_LINES) else place


def authority(endpoint: str, *usual: int) -> str:
    """Host and port of an endpoint in one form, however the host is written.

    Args:
        usual: the protocol's own ports, with encryption and without; they are one, and so is naming none.

    Raises:
        ValueError: it is no endpoint.
    """
    parts = urlsplit(endpoint)
    return f"{host_of(parts.hostname or '')}:{'' if parts.port in (None, *usual) else parts.port}"


def host_of(host: str) -> str:
    """A host in one form: addresses as numbers, this machine by any of its names as one, names in lower case ASCII."""
    host = _ascii(host.strip("[]")).rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1 and 0x7f000001 lead somewhere as well
        except (OSError, UnicodeError):
            return LOOPBACK if host == "localhost" or host.endswith(".localhost") else host
    mapped = getattr(address, "ipv4_mapped", None) or address
    return LOOPBACK if mapped.is_loopback or mapped.is_unspecified else str(mapped)


def _ascii(host: str) -> str:
    """A host as it is looked up: full-width digits and dots lead somewhere as well (RFC 3490)."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return unicodedata.normalize("NFKC", host)


@functools.cache
def _locate(driver: str) -> Locate | None:
    """The driver's function; None where it has none."""
    where = find_driver(driver).manifest.extent
    module, _, name = where.partition(":")
    return cast("Locate", getattr(importlib.import_module(module), name)) if where else None
