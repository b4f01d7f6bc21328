"""A site's description in JSON, as the reference server's HTTP API writes and reads it."""

import base64
import binascii
from typing import Any, Final

import msgspec

from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.resolution.auth import keys
from lineshaft.resolution.site import (
    ADMINISTRATION,
    BY_HANDLE,
    PROTOCOLS,
    RESOLUTION,
    Interface,
    Server,
    Site,
    pack_address,
)

_U8: Final = 0xFF
_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF


class _Interface(msgspec.Struct):
    protocol: str
    port: int
    query: bool = False
    admin: bool = False


class _Attribute(msgspec.Struct):
    name: str
    value: str


class _Server(msgspec.Struct, rename="camel"):
    server_id: int
    address: str
    interfaces: list[_Interface] = msgspec.field(default_factory=list)
    public_key: dict[str, Any] | None = None


class _Site(msgspec.Struct, rename="camel"):
    serial_number: int
    servers: list[_Server]
    version: int = 1
    protocol_version: str = "2.11"
    primary_site: bool = True
    multi_primary: bool = False
    hash_option: int = BY_HANDLE
    hash_filter: str = ""
    attributes: list[_Attribute] = msgspec.field(default_factory=list)


def site_to_json(site: Site) -> dict[str, Any]:
    """The description in JSON; the hash option is left out where it is the usual one, the whole handle."""
    found: dict[str, Any] = {
        "version": site.format,
        "protocolVersion": f"{site.major}.{site.minor}",
        "serialNumber": site.serial,
        "primarySite": site.primary,
        "multiPrimary": site.multi_primary,
    }
    if site.hash_option != BY_HANDLE:
        found["hashOption"] = site.hash_option
    if site.hash_filter:
        found["hashFilter"] = base64.b64encode(site.hash_filter).decode()
    if site.attributes:
        found["attributes"] = [{"name": name, "value": value} for name, value in site.attributes]
    found["servers"] = [_server_to_json(server) for server in site.servers]
    return found


def site_from_json(given: object) -> Site:
    """A description from JSON.

    Raises:
        InvalidInput: a field is missing or not what it must be.
    """
    try:
        site = msgspec.convert(given, _Site)
        major, minor = (int(part) for part in site.protocol_version.split("."))
        hash_filter = base64.b64decode(site.hash_filter, validate=True)
        _check_range(_U16, site.serial_number, site.version)
        _check_range(_U8, major, minor, site.hash_option)
        servers = tuple(_server_from_json(server) for server in site.servers)
    except (msgspec.ValidationError, ValueError, binascii.Error) as error:
        raise InvalidInput(
            "resolution.site_json", f"the description of the site cannot be read: {error}",
            "See the reference of HS_SITE in JSON.", field="site", reason=str(error),
        ) from error  # fmt: skip
    return Site(
        format=site.version, major=major, minor=minor, serial=site.serial_number, primary=site.primary_site,
        multi_primary=site.multi_primary, hash_option=site.hash_option, hash_filter=hash_filter,
        attributes=tuple((one.name, one.value) for one in site.attributes), servers=servers,
    )  # fmt: skip


def _server_to_json(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = {"serverId": server.number, "address": server.address}
    if server.public_key:
        try:
            found["publicKey"] = {"format": "key", "value": keys.to_jwk(keys.decode_public_key(server.public_key))}
        except LineshaftError:
            found["publicKey"] = {"format": "base64", "value": base64.b64encode(server.public_key).decode()}
    found["interfaces"] = [
        {
            "query": bool(one.use & RESOLUTION),
            "admin": bool(one.use & ADMINISTRATION),
            "protocol": PROTOCOLS[one.protocol] if one.protocol < len(PROTOCOLS) else str(one.protocol),
            "port": one.port,
        }
        for one in server.interfaces
    ]
    return found


def _server_from_json(server: _Server) -> Server:
    pack_address(server.address)
    _check_range(_U32, server.server_id)
    key = server.public_key
    public_key = b""
    if key is not None and key.get("format") == "base64":
        public_key = base64.b64decode(str(key.get("value")), validate=True)
    elif key is not None:
        public_key = keys.encode_public_key(keys.from_jwk(key.get("value")))
    return Server(
        number=server.server_id, address=server.address, public_key=public_key,
        interfaces=tuple(_interface_from_json(one) for one in server.interfaces),
    )  # fmt: skip


def _interface_from_json(interface: _Interface) -> Interface:
    if interface.protocol.upper() not in PROTOCOLS:
        raise ValueError(f"there is no protocol {interface.protocol!r}")
    _check_range(_U32, interface.port)
    use = (RESOLUTION if interface.query else 0) | (ADMINISTRATION if interface.admin else 0)
    return Interface(use, PROTOCOLS.index(interface.protocol.upper()), interface.port)


def _check_range(most: int, *numbers: int) -> None:
    for number in numbers:
        if not 0 <= number <= most:
            raise ValueError(f"{number} is not between 0 and {most}")
