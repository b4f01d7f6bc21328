"""Addresses and TLS: every configured host gets its own socket; beyond loopback only with a certificate."""

import errno
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from lineshaft.core import logs
from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.web.settings import WebSettings

_log = logs.get("web")
_Address = tuple[socket.AddressFamily, str]


def resolve(settings: WebSettings) -> list[_Address]:
    """The addresses that the configured hosts stand for, each once, in order.

    Raises:
        InvalidInput: a host that is no address and has none; an address beyond loopback without TLS.
    """
    addresses = _addresses(settings.hosts, "web.hosts")
    beyond = next((address for _, address in addresses if not is_loopback(address)), None)
    if beyond is not None and not (settings.tls_certificate and settings.tls_key):
        raise InvalidInput(
            "web.tls_required", f"setting web.hosts reaches {beyond}, beyond this machine, without TLS",
            "Set web.tls_certificate and web.tls_key, or listen on 127.0.0.1 and ::1 only.",
            field="web.hosts", value=beyond,
        )  # fmt: skip
    return addresses


def _addresses(hosts: Sequence[str], field: str) -> list[_Address]:
    addresses: list[_Address] = []
    for host in hosts:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            raise InvalidInput(
                "web.host_unknown", f"setting {field} holds {host!r}, which is not an address of this machine",
                "Give IP addresses or names, such as 127.0.0.1, ::1 or 0.0.0.0.", field=field, value=host,
            ) from error  # fmt: skip
        addresses += [(entry[0], str(entry[4][0])) for entry in found]
    return list(dict.fromkeys(addresses))


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def tls_context(settings: WebSettings) -> ssl.SSLContext | None:
    """The server's TLS; None where no certificate is set.

    Raises:
        InvalidInput: one of the two files without the other, or files that do not fit.
    """
    if not settings.tls_certificate and not settings.tls_key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password callback OpenSSL would ask on the terminal and block the start.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidInput(
            "web.tls_unusable",
            f"the TLS files {settings.tls_certificate!r} and {settings.tls_key!r} cannot be used: {error}",
            "web.tls_certificate and web.tls_key name PEM files that belong together; the key has no passphrase.",
            field="web.tls_certificate", value=settings.tls_certificate, reason=str(error),
        ) from error  # fmt: skip
    return context


def bind(settings: WebSettings) -> list[socket.socket]:
    """Sockets bound to every address, all on one port; IPv6 is left out, and said once, where the machine has none.

    Raises:
        InvalidInput: an address that is not this machine's; no address left to listen on.
        Conflict: the port is taken.
    """
    return _bind_all(resolve(settings), settings.port, "web.hosts", "web.port")


def bind_devices(settings: WebSettings) -> list[socket.socket]:
    """The same for the device listener, which always speaks TLS.

    Raises:
        InvalidInput, Conflict: as `bind`.
    """
    hosts = _addresses(settings.device_hosts, "web.device_hosts")
    return _bind_all(hosts, settings.device_port, "web.device_hosts", "web.device_port")


def _bind_all(addresses: Sequence[_Address], port: int, hosts_field: str, port_field: str) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                bound = _bind_one(family, address, port)
            except OSError as error:
                if family == socket.AF_INET6 and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    _log.warning("ipv6_missing", address=address)
                    continue
                raise _refusal(error, address, port, hosts_field, port_field) from error
            sockets.append(bound)
            port = bound.getsockname()[1]
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    if not sockets:
        raise InvalidInput(
            "web.no_address", f"setting {hosts_field} names nothing that can be listened on here", "Add 127.0.0.1.",
            field=hosts_field,
        )  # fmt: skip
    return sockets


def _bind_one(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # so that 0.0.0.0 and :: go together
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound


def _refusal(error: OSError, address: str, port: int, hosts_field: str, port_field: str) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            "web.port_taken", f"port {port} of {address} is taken by another program",
            f"Stop it, or choose another port: --set {port_field}=8421 (0 takes a free one).",
            address=address, port=port, field=port_field,
        )  # fmt: skip
    if error.errno == errno.EADDRNOTAVAIL:
        return InvalidInput(
            "web.address_foreign", f"setting {hosts_field} holds {address}, which is not an address of this machine",
            "`ip address` lists the machine's own.", field=hosts_field, value=address,
        )  # fmt: skip
    return Unavailable(
        "web.listen_failed", f"cannot listen on {address} port {port}: {error.strerror}",
        "A port below 1024 needs a privilege.", address=address, port=port, reason=str(error.strerror),
    )  # fmt: skip


def url_of(bound: socket.socket, *, tls: bool) -> str:
    """The address to type for one socket; a wildcard is reached on loopback."""
    address, port = bound.getsockname()[:2]
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 (compared, not bound)
    host = f"[{address}]" if ":" in address else address
    return f"{'https' if tls else 'http'}://{host}:{port}"


def certificate_name(settings: WebSettings) -> str:
    """A name or address that the configured certificate is for; empty where it states none."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificates(Path(settings.tls_certificate).read_bytes())[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    stated = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return stated[0].replace("*", "lineshaft", 1) if stated else ""
