"""Where resolution starts: the sites that hold `0.NA/…`, and the keys that chains of certificates end at.

    {"sites": [a site as /api/site shows it, or {"address": "192.0.2.1", "port": 2641, "fingerprint": "sha256 in hex"}],
     "trust": [public keys as JSON Web Keys]}

A site of which only the address is given is asked for its description, which must be signed by the key with that
fingerprint. The keys of root servers are trusted, too. A JSON list of values, or a record with `values`, will also do: its
HS_SITE values are the sites.
"""

import hashlib
import ipaddress
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.auth import keys
from lineshaft.resolution.site import BOTH, TCP, UDP, Interface, Server, Site, decode_site
from lineshaft.resolution.values.json_form import value_from_json
from lineshaft.resolution.values.site_json import site_from_json

PORT: Final = 2641
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?", re.ASCII)


class RootAddress(msgspec.Struct, frozen=True):
    """A root server of which only this is known."""

    address: str
    port: int
    fingerprint: str
    """SHA-256 of its public key as HS_PUBKEY holds it, in hexadecimal digits."""


class Roots(msgspec.Struct, frozen=True, kw_only=True):
    sites: tuple[Site, ...] = ()
    addresses: tuple[RootAddress, ...] = ()
    trust: tuple[keys.PublicKey, ...] = ()
    """Further keys that certificates may end at."""

    @property
    def starts(self) -> list[str]:
        """The addresses at which resolution begins."""
        servers = [server.address for site in self.sites for server in site.servers]
        return [*servers, *(one.address for one in self.addresses)]

    @property
    def keys(self) -> tuple[keys.PublicKey, ...]:
        """All that certificates may end at."""
        servers = [server for site in self.sites for server in site.servers]
        return (*self.trust, *(keys.decode_public_key(one.public_key) for one in servers if one.public_key))


def fingerprint(public_key: bytes) -> str:
    """SHA-256 of a key as HS_PUBKEY holds it."""
    return hashlib.sha256(public_key).hexdigest()


def read_roots(path: Path) -> Roots:
    """The roots in a file.

    Raises:
        InvalidInput: there is no such file, or it is not as described above.
    """
    try:
        given = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InvalidInput(
            "resolution.roots_unreadable", f"the file of root sites {path} cannot be read: {error.strerror}",
            "Name a file that says where resolution starts.", field="roots", path=str(path), reason=error.strerror,
        ) from error  # fmt: skip
    except msgspec.DecodeError as error:
        raise _wrong(path, str(error)) from error
    try:
        return roots_from_json(given)
    except (InvalidInput, LookupError, TypeError, ValueError) as error:
        raise _wrong(path, str(error)) from error


def roots_from_json(given: Any) -> Roots:
    """The roots in JSON as described above.

    Raises:
        InvalidInput, LookupError, TypeError, ValueError: anything else.
    """
    if isinstance(given, dict) and "sites" in given:
        sites = [one for one in given["sites"] if "servers" in one]
        addresses = [one for one in given["sites"] if "servers" not in one]
        found = Roots(
            sites=tuple(site_from_json(one) for one in sites),
            addresses=tuple(
                RootAddress(_host(str(one["address"])), _port(one.get("port", PORT)), str(one["fingerprint"]).lower())
                for one in addresses
            ),
            trust=tuple(keys.from_jwk(one) for one in given.get("trust", ())),
        )
    else:
        values = [value_from_json(one) for one in (given["values"] if isinstance(given, dict) else given)]
        found = Roots(sites=tuple(decode_site(one.data) for one in values if one.type.upper() == b"HS_SITE"))
    if not found.sites and not found.addresses:
        raise ValueError("it names no site")
    return found


def _host(text: str) -> str:
    """An address, or a name as the domain name system has them.

    Raises:
        ValueError: anything else.
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if _NAME.fullmatch(text) is None:
            raise ValueError(f"{text!r} is neither an IP address nor a name") from None
    return text


def _port(given: Any) -> int:
    port = int(given)
    if not 0 < port < 65_536:
        raise ValueError(f"{port} is not a port")
    return port


def site_at(address: str, port: int = PORT) -> Site:
    """A site of which nothing is known but a server's address: it may be asked, but nothing it signs can be verified."""
    server = Server(number=1, address=address, interfaces=(Interface(BOTH, UDP, port), Interface(BOTH, TCP, port)))
    return Site(serial=0xFFFF, servers=(server,))


def parse_address(text: str) -> Site:
    """`192.0.2.1`, `192.0.2.1:2641`, `[2001:db8::1]:2641`, `localhost` as a site.

    Raises:
        InvalidInput: anything else.
    """
    address, port = text, str(PORT)
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port[1:] or str(PORT)
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    try:
        return site_at(_host(address), _port(port if port.isascii() and port.isdigit() else 0))
    except ValueError:
        raise InvalidInput(
            "resolution.server_address", f"{text!r} is not the address of a server",
            "Write ADDRESS or ADDRESS:PORT, such as 127.0.0.1:2641 or [::1]:2641.", field="address", value=text,
        ) from None  # fmt: skip


def _wrong(path: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        "resolution.roots_form", f"the file of root sites {path} cannot be used: {reason}",
        'Write {"sites": […]} with sites as /api/site shows them.', field="roots", path=str(path), reason=reason,
    )  # fmt: skip
