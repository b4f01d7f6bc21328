"""TLS of the Modbus proxy: the gateway's certificate, whose clients it believes, and who a client is by its certificate.

The role is the certificate's extension 1.3.6.1.4.1.50316.802.1, one UTF8String (Modbus/TCP Security, MB-TCP-Security-v36,
8.4); a certificate without it has no role, one with an unreadable or second one is refused.
"""

import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.edge.certificates import fingerprint
from lineshaft.edge.enrolment.papers import Papers
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.proxies.modbus.document import INSTALLATION, ProxyTls

FOLDER: Final = "edge/proxies"
ROLE: Final = x509.ObjectIdentifier("1.3.6.1.4.1.50316.802.1")
_UTF8_STRING: Final = 0x0C
_LONG_LENGTH: Final = 0x80


def server_context(home: Home, gateway: str, tls: ProxyTls) -> ssl.SSLContext:
    """TLS 1.2 or newer with a client certificate that must be there and right.

    Raises:
        InvalidInput: a file is missing or unreadable; names it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = _identity(home, gateway, tls)
    authorities = _authorities(home, tls)
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authorities)
        if tls.revoked:
            context.load_verify_locations(home.path / FOLDER / tls.revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in dict.fromkeys((certificate, key, authorities)))
        raise InvalidInput(
            "edge.proxy_tls_unreadable", f"TLS of the Modbus proxy cannot be set up from {files}: {error}",
            "Put PEM files there, or have the installation's: see docs/proxies.md.", files=files, reason=str(error),
        ) from error  # fmt: skip
    return context


def principal_of(der: bytes, address: str) -> GuardPrincipal:
    """Who a client is by a certificate that was verified.

    Raises:
        ValueError: its role cannot be read.
    """
    certificate = x509.load_der_x509_certificate(der)
    subject = certificate.subject.rfc4514_string()
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    role = role_of(certificate)
    return GuardPrincipal(
        id=subject or fingerprint(der), name=str(names[0].value) if names else "", kind="device", foreign=True,
        address=address, roles=frozenset((role,)) if role else frozenset(),
    )  # fmt: skip


def role_of(certificate: x509.Certificate) -> str:
    """The role in a certificate; empty where it has none.

    Raises:
        ValueError: the extension is there, but no single text.
    """
    try:
        found = certificate.extensions.get_extension_for_oid(ROLE).value
    except x509.ExtensionNotFound:
        return ""
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(f"the certificate's extensions cannot be read: {error}") from error
    assert isinstance(found, x509.UnrecognizedExtension)
    data = found.value
    if len(data) < 3 or data[0] != _UTF8_STRING or data[1] >= _LONG_LENGTH or data[1] != len(data) - 2:
        raise ValueError("the role is no UTF8String of 1 to 127 bytes")
    return data[2:].decode()


def _identity(home: Home, gateway: str, tls: ProxyTls) -> tuple[Path, Path]:
    if tls.identity != INSTALLATION:
        file = home.path / FOLDER / tls.identity
        return file, file
    enrolled = Papers(home).identity
    if enrolled.exists():
        return enrolled, enrolled
    box = home.run / "certs"
    return box / f"{gateway}.crt", box / f"{gateway}.key"


def _authorities(home: Home, tls: ProxyTls) -> Path:
    if tls.authorities != INSTALLATION:
        return home.path / FOLDER / tls.authorities
    enrolled = Papers(home).authority
    return enrolled if enrolled.exists() else home.run / "certs/ca.crt"
