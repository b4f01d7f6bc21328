"""What the Modbus proxy listens on, and for whom."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.model import Name
from lineshaft.edge.parts.model import Document

INSTALLATION: Final = "installation"
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
"""A file in the gateway's home, in `edge/proxies`."""


class ProxyTls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Modbus/TCP Security: TLS with certificates on both sides."""

    identity: FileName = INSTALLATION
    """Key and certificates of the gateway, PEM; `installation`: what the gateway has from its installation."""
    authorities: FileName = INSTALLATION
    """Certificates of those who may issue clients' certificates, PEM; `installation`: the installation's own authority."""
    revoked: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$")] = ""
    """Revocation list of `authorities`, PEM; the installation's own list is always looked at."""


class ModbusListener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address, in front of one device."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65_535)]
    """502 is Modbus's, 802 with TLS; 0: any free one; the gateway's status says which."""
    device: Name
    """Name of a device of this gateway with the driver `modbus` and a Modbus/TCP endpoint."""
    clients: tuple[str, ...] = ()
    """Addresses and networks that may connect; without TLS beyond loopback they have to be named."""
    tls: ProxyTls | None = None
    most_clients: Annotated[int, Meta(ge=1, le=1000)] = 32
    idle_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 300.0
    """Clients that have sent no request for so long are hung up."""
    in_flight: Annotated[int, Meta(ge=1, le=64)] = 16
    """Requests of one client under way at once; the next ones wait."""

    @property
    def networks(self) -> list[IPv4Network | IPv6Network]:
        """Who may connect; empty: whoever can."""
        return [ip_network(client) for client in self.clients]


class ModbusProxyDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Document of the part `modbus_proxy`."""

    listeners: Annotated[tuple[ModbusListener, ...], Meta(min_length=1, max_length=64)]


def read_document(document: Document) -> ModbusProxyDocument:
    """The document in its own type.

    Raises:
        InvalidInput: names the field, what it is and what it must be.
    """
    try:
        read = msgspec.convert(dict(document), ModbusProxyDocument)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error
    taken: set[tuple[str, int]] = set()
    for number, listener in enumerate(read.listeners):
        _check(f"listeners[{number}]", listener)
        place = (listener.host, listener.port)
        if listener.port and place in taken:
            raise invalid(f"listeners[{number}].port is {listener.port}: another listener has it already")
        taken.add(place)
    return read


def check(document: Document) -> None:
    """See `edge.parts.check_document`."""
    read_document(document)


def invalid(reason: str) -> InvalidInput:
    """Why the proxy cannot be configured so."""
    return InvalidInput(
        "edge.modbus_proxy_invalid", f"the Modbus proxy cannot be configured so: {reason}",
        "See docs/proxies.md; nothing was changed.", field="document", reason=reason,
    )  # fmt: skip


def _check(where: str, listener: ModbusListener) -> None:
    try:
        host = ip_address(listener.host)
    except ValueError:
        raise invalid(f"{where}.host is {listener.host!r}: it must be an IP address of this machine") from None
    for client in listener.clients:
        try:
            network = ip_network(client)
        except ValueError as error:
            raise invalid(f"{where}.clients names {client!r}: {error}") from None
        if listener.tls is None and network.prefixlen == 0:
            raise invalid(f"{where}.clients names {client!r}: without TLS that would be the whole world")
    if listener.tls is None and not host.is_loopback and not listener.clients:
        raise invalid(
            f"{where}.clients is empty: Modbus knows no sign-in, so beyond loopback name the clients' addresses, or add tls"
        )
