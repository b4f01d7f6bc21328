"""Sites: the description that HS_SITE holds, and which of a site's servers is responsible for a handle (RFC 3651 3.2.2).

Handles are spread over a site's servers by a hash that every client computes, too; it agrees with all of them.
"""

import hashlib
import ipaddress
from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes
from lineshaft.resolution.fields import Malformed, Reader, counted, u16, u32
from lineshaft.resolution.model import prefix_of, suffix_of

FORMAT: Final = 1
PRIMARY: Final = 0x80
MULTI_PRIMARY: Final = 0x40

BY_PREFIX: Final = 0
BY_SUFFIX: Final = 1
BY_HANDLE: Final = 2

ADMINISTRATION: Final = 1
RESOLUTION: Final = 2
BOTH: Final = 3

UDP: Final = 0
TCP: Final = 1
HTTP: Final = 2
HTTPS: Final = 3
PROTOCOLS: Final = ("UDP", "TCP", "HTTP", "HTTPS")

_ADDRESS_BYTES: Final = 16
_MOST: Final = 65_536


class Interface(msgspec.Struct, frozen=True):
    """A port of a server."""

    use: int
    """`ADMINISTRATION`, `RESOLUTION` or `BOTH`."""
    protocol: int
    """`UDP`, `TCP`, `HTTP` or `HTTPS`."""
    port: int


class Server(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    """Of the server within its site, from 1."""
    address: str
    """IPv4 or IPv6."""
    public_key: bytes = b""
    """As HS_PUBKEY holds it; empty: unknown."""
    interfaces: tuple[Interface, ...] = ()

    def interface(self, protocol: int, use: int = RESOLUTION) -> Interface | None:
        """The first port with that protocol for that use."""
        return next((one for one in self.interfaces if one.protocol == protocol and one.use & use), None)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    serial: int
    """Raised with every change, so that clients notice."""
    servers: tuple[Server, ...]
    primary: bool = True
    multi_primary: bool = False
    hash_option: int = BY_HANDLE
    hash_filter: bytes = b""
    attributes: tuple[tuple[str, str], ...] = ()
    major: int = codes.MAJOR_VERSION
    minor: int = codes.MINOR_VERSION
    format: int = FORMAT
    flags: int = 0
    """Of the primary byte, beyond the two above."""

    def server_for(self, handle: bytes) -> Server:
        """The server that is responsible for the handle.

        Raises:
            InvalidInput: the site has no servers, or an unknown hash option.
        """
        return self.servers[shard_of(handle, self.hash_option, len(self.servers))]


def shard_hash(handle: bytes, hash_option: int) -> int:
    """The last four bytes of the MD5 of the upper-cased prefix, suffix or handle: a signed number without its sign.

    -2³¹ has no positive counterpart in 32 bits, and clients in Java fail on it; here it is 2³¹.

    Raises:
        InvalidInput: no such hash option.
    """
    if hash_option == BY_HANDLE:
        part = handle
    elif hash_option == BY_PREFIX:
        part = prefix_of(handle)
    elif hash_option == BY_SUFFIX:
        part = suffix_of(handle)
    else:
        raise InvalidInput(
            "resolution.hash_option", f"there is no hash option {hash_option}", "0 prefix, 1 suffix, 2 whole handle.",
            field="hash option", value=hash_option,
        )  # fmt: skip
    digest = hashlib.md5(part.upper(), usedforsecurity=False).digest()
    return magnitude(int.from_bytes(digest[-4:], signed=True))


def magnitude(number: int) -> int:
    """Without sign; -2³¹ becomes 2³¹."""
    return abs(number)


def shard_of(handle: bytes, hash_option: int, servers: int) -> int:
    """Place of the responsible server among `servers`, from 0.

    Raises:
        InvalidInput: no servers, or no such hash option.
    """
    if servers < 1:
        raise InvalidInput(
            "resolution.site_without_servers", "the site has no servers", "Describe at least one.", field="servers"
        )
    return shard_hash(handle, hash_option) % servers


def encode_site(site: Site) -> bytes:
    """The data of an HS_SITE value.

    Raises:
        InvalidInput: an address is none.
    """
    primary = (PRIMARY if site.primary else 0) | (MULTI_PRIMARY if site.multi_primary else 0) | site.flags
    parts = [
        u16(site.format), bytes((site.major, site.minor)), u16(site.serial), bytes((primary, site.hash_option)),
        counted(site.hash_filter), u32(len(site.attributes)),
    ]  # fmt: skip
    for name, value in site.attributes:
        parts += (counted(name.encode()), counted(value.encode()))
    parts.append(u32(len(site.servers)))
    for server in site.servers:
        parts += (u32(server.number), pack_address(server.address), counted(server.public_key))
        parts.append(u32(len(server.interfaces)))
        parts += (bytes((one.use, one.protocol)) + u32(one.port) for one in server.interfaces)
    return b"".join(parts)


def decode_site(data: bytes) -> Site:
    """What an HS_SITE value, or the answer to a request for a site's description, holds.

    Raises:
        Malformed: anything else.
    """
    reader = Reader(data)
    form = reader.u16("format")
    major, minor = reader.u8("major version"), reader.u8("minor version")
    serial, primary, hash_option = reader.u16("serial"), reader.u8("primary"), reader.u8("hash option")
    hash_filter = reader.bytes("hash filter")
    attributes = tuple(
        (_text(reader, "attribute"), _text(reader, "attribute"))
        for _ in range(reader.count("attributes", 8, _MOST))
    )  # fmt: skip
    servers = tuple(_server(reader) for _ in range(reader.count("servers", 28, _MOST)))
    reader.finish("site")
    return Site(
        format=form, major=major, minor=minor, serial=serial, primary=bool(primary & PRIMARY),
        multi_primary=bool(primary & MULTI_PRIMARY), flags=primary & ~(PRIMARY | MULTI_PRIMARY),
        hash_option=hash_option, hash_filter=hash_filter, attributes=attributes, servers=servers,
    )  # fmt: skip


def pack_address(address: str) -> bytes:
    """Sixteen bytes; IPv4 stands at the end, behind zeros.

    Raises:
        InvalidInput: no address.
    """
    try:
        return ipaddress.ip_address(address).packed.rjust(_ADDRESS_BYTES, b"\0")
    except ValueError as error:
        raise InvalidInput(
            "resolution.address", f"{address!r} is not an IP address", "Names are not allowed here.",
            field="address", value=address,
        ) from error  # fmt: skip


def unpack_address(packed: bytes) -> str:
    """The address in words. Sixteen bytes of which only the last four are not zero are IPv4, except ::1."""
    if not any(packed[:12]) and any(packed[12:15]):
        return str(ipaddress.IPv4Address(packed[12:]))
    return str(ipaddress.IPv6Address(packed))


def _server(reader: Reader) -> Server:
    number, address = reader.u32("server"), unpack_address(reader.take(_ADDRESS_BYTES, "address"))
    key = reader.bytes("public key")
    count = reader.count("interfaces", 6, _MOST)
    interfaces = tuple(Interface(reader.u8("use"), reader.u8("protocol"), reader.u32("port")) for _ in range(count))
    return Server(number=number, address=address, public_key=key, interfaces=interfaces)


def _text(reader: Reader, field: str) -> str:
    data = reader.bytes(field)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(
            "resolution.text_encoding", f"{field} is not UTF-8", "Encode text in UTF-8.", field=field
        ) from error
