"""OPC UA application instance certificates (IEC 62541-6, 6.2.2): our own, those we trust, those we turned away.

    own/certificate.der, own/private_key.pem   made at first use; the key is readable by the owner only
    trusted/<fingerprint>.der                  servers that somebody has said are right
    rejected/<fingerprint>.der                 servers that were refused, kept so that they can be looked at and trusted

A fingerprint is the SHA-256 of the certificate's DER bytes, in lower-case hexadecimal.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, NotFound
from lineshaft.core.home import write_file

VALID_DAYS: Final = 3650
KEY_BITS: Final = 2048
SHORTEST_PREFIX: Final = 16
REJECTED_KEPT: Final = 100
_FINGERPRINT_LENGTH: Final = 64


class OwnCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate and key of the application itself."""

    certificate: Path
    """DER."""
    private_key: Path
    """PEM, not encrypted, mode 0600."""
    application_uri: str
    fingerprint: str
    expires_us: int


class KnownCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate in one of the folders says."""

    fingerprint: str
    subject: str
    application_uri: str
    trusted: bool
    expires: str
    """RFC 3339."""


class ApplicationCertificates:
    """One application's certificates in one folder.

    Args:
        folder: made at first use.
        application: short name; part of the application URI.
        hosts: names and addresses by which others reach the application; servers need them, clients do not.
    """

    def __init__(self, folder: Path, application: str, hosts: Sequence[str] = ()) -> None:
        self.folder = folder
        self.is_revoked: Callable[[bytes], bool] = lambda _der: False
        """Whether our own authority has revoked a certificate; whoever knows sets it."""
        self._accepted: dict[str, bytes] = {}
        self._application = application
        self._hosts = tuple(dict.fromkeys((*hosts, socket.gethostname())))

    def own(self) -> OwnCertificate:
        """Our certificate and key, made now if there are none. Making them takes about a tenth of a second.

        Raises:
            Corrupt: one of the two files is missing or unreadable, or they do not belong together.
        """
        certificate, key = self.folder / "own/certificate.der", self.folder / "own/private_key.pem"
        if not certificate.exists():
            self._make(certificate, key)
        try:
            loaded = x509.load_der_x509_certificate(certificate.read_bytes())
            private = serialization.load_pem_private_key(key.read_bytes(), password=None)
            if private.public_key() != loaded.public_key():
                raise ValueError("the key is not the certificate's")  # noqa: TRY301  # one way out for all that is wrong
        except (OSError, ValueError) as error:
            raise Corrupt(
                "edge.own_certificate_unreadable", f"the application certificate in {certificate.parent} cannot be used: {error}",
                "Restore both files from a backup, or move the folder away: new ones are made, which servers must trust anew.",
                path=str(certificate.parent), reason=str(error),
            ) from error  # fmt: skip
        return OwnCertificate(
            certificate=certificate, private_key=key, application_uri=application_uri(loaded),
            fingerprint=fingerprint(certificate.read_bytes()), expires_us=clock.to_us(loaded.not_valid_after_utc),
        )  # fmt: skip

    def check_server(self, der: bytes, *, pinned: str, device: str) -> None:
        """Accept a server's certificate, or refuse it and keep it in `rejected`.

        Args:
            pinned: the only fingerprint to accept; empty: any trusted one.

        Raises:
            Conflict: another than the pinned one, not trusted, or revoked; names fingerprint and what to do.
            InvalidInput: not a certificate, or outside its time of validity.
        """
        self._check_server(der, pinned, device)
        self._accepted[device] = der

    def no_longer_accepted(self) -> list[str]:
        """Devices whose server was accepted with a certificate that has been revoked since; each is named once."""
        found = [device for device, der in self._accepted.items() if self.is_revoked(der)]
        for device in found:
            del self._accepted[device]
        return found

    def _check_server(self, der: bytes, pinned: str, device: str) -> None:
        seen = fingerprint(der)
        subject, problem = _inspect(der)
        if self.is_revoked(der):
            self.reject(der)
            raise Conflict(
                "edge.certificate_revoked", f"the server of device {device!r} has a certificate that was revoked ({seen})",
                "Give the server a new certificate.", device=device, fingerprint=seen,
            )  # fmt: skip
        if problem:
            self.reject(der)
            raise InvalidInput(
                "edge.server_certificate_invalid", f"the server of device {device!r} has a certificate that {problem} ({seen})",
                "Renew the certificate on the server.", device=device, fingerprint=seen, reason=problem,
            )  # fmt: skip
        if pinned:
            if seen == normal_fingerprint(pinned):
                return
            self.reject(der)
            raise Conflict(
                "edge.server_certificate_changed",
                f"the server of device {device!r} has the certificate {seen} ({subject}), not the pinned {normal_fingerprint(pinned)}",
                "If the server's certificate was renewed on purpose, put the new fingerprint into the device's options.",
                device=device, fingerprint=seen, pinned=normal_fingerprint(pinned), subject=subject,
            )  # fmt: skip
        if not self.is_trusted(der):
            self.reject(der)
            raise Conflict(
                "edge.server_untrusted", f"the server of device {device!r} has a certificate nobody has trusted yet: {seen} ({subject})",
                f"Compare the fingerprint with the one the server shows; if it is the same: `lineshaft device trust {seen}`.",
                device=device, fingerprint=seen, subject=subject,
            )  # fmt: skip

    def is_trusted(self, der: bytes) -> bool:
        """Whether exactly this certificate lies in `trusted`."""
        file = self._file("trusted", fingerprint(der))
        return file.exists() and file.read_bytes() == der

    def trust(self, der: bytes) -> str:
        """Trust a certificate from now on; its fingerprint."""
        seen = fingerprint(der)
        _, problem = _inspect(der)
        if problem:
            raise InvalidInput(
                "edge.certificate_unusable", f"the certificate {seen} {problem}", "Give a valid DER certificate.",
                fingerprint=seen, reason=problem,
            )  # fmt: skip
        self._write("trusted", seen, der)
        self._file("rejected", seen).unlink(missing_ok=True)
        return seen

    def trust_rejected(self, text: str) -> str:
        """Trust the rejected certificate of that fingerprint, or of a beginning of it of 16 digits or more.

        Raises:
            InvalidInput: not a fingerprint, or one that begins several.
            NotFound: no rejected certificate has it.
        """
        wanted = normal_fingerprint(text)
        if len(wanted) < SHORTEST_PREFIX or not set(wanted) <= set("0123456789abcdef"):
            raise InvalidInput(
                "edge.fingerprint_invalid", f"{text!r} is not the fingerprint of a certificate",
                f"Give its SHA-256 in hexadecimal, at least the first {SHORTEST_PREFIX} digits.", field="fingerprint", value=text,
            )  # fmt: skip
        found = [file for file in self._files("rejected") if file.stem.startswith(wanted)]
        if len(found) > 1:
            raise InvalidInput(
                "edge.fingerprint_ambiguous", f"{len(found)} certificates have fingerprints that begin with {wanted}",
                "Give more digits.", field="fingerprint", value=text,
            )  # fmt: skip
        if not found:
            raise NotFound(
                "edge.certificate_unknown", f"no rejected certificate has the fingerprint {wanted}",
                "`lineshaft device certificates` lists those that were seen.", fingerprint=wanted,
            )  # fmt: skip
        return self.trust(found[0].read_bytes())

    def distrust(self, text: str) -> str:
        """Put a trusted certificate among the rejected ones."""
        wanted = normal_fingerprint(text)
        file = self._file("trusted", wanted)
        if len(wanted) != _FINGERPRINT_LENGTH or not file.exists():
            raise NotFound(
                "edge.certificate_unknown", f"no trusted certificate has the fingerprint {wanted}",
                "`lineshaft device certificates` lists those that are trusted.", fingerprint=wanted,
            )  # fmt: skip
        self.reject(file.read_bytes())
        file.unlink()
        return wanted

    def reject(self, der: bytes) -> None:
        """Keep a refused certificate to be looked at; of too many the oldest go, since anybody can make more."""
        self._write("rejected", fingerprint(der), der)
        files = sorted(self._files("rejected"), key=lambda file: file.stat().st_mtime)
        for file in files[:-REJECTED_KEPT]:
            file.unlink(missing_ok=True)

    def known(self) -> list[KnownCertificate]:
        """Everything trusted and rejected."""
        return [
            _describe(file, trusted=place == "trusted")
            for place in ("trusted", "rejected")
            for file in self._files(place)
        ]

    def _file(self, place: str, name: str) -> Path:
        return self.folder / place / f"{name}.der"

    def _files(self, place: str) -> list[Path]:
        return sorted((self.folder / place).glob("*.der"))

    def _write(self, place: str, name: str, der: bytes) -> None:
        self._prepare(place)
        write_file(self._file(place, name), der)

    def _prepare(self, place: str) -> None:
        (self.folder / place).mkdir(mode=0o700, parents=True, exist_ok=True)

    def _make(self, certificate: Path, key: Path) -> None:
        """A self-signed certificate with what OPC UA asks of it. The key is written first: the certificate completes."""
        self._prepare("own")
        private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        host = socket.gethostname()
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, f"Lineshaft {self._application}"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lineshaft"),
                x509.NameAttribute(NameOID.DOMAIN_COMPONENT, host),
            ]
        )
        now = clock.now()
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
            key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        uri = x509.UniformResourceIdentifier(f"urn:{host}:lineshaft:{self._application}")
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))  # a server's clock may be behind ours
            .not_valid_after(now + timedelta(days=VALID_DAYS))
            .add_extension(x509.SubjectAlternativeName([uri, *map(_general_name, self._hosts)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
            .sign(private, hashes.SHA256())
        )
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_file(key, pem)
        write_file(certificate, made.public_bytes(serialization.Encoding.DER))


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return digest.finalize().hex()


def normal_fingerprint(text: str) -> str:
    """A fingerprint as people write it (upper case, colons, blanks) in our form."""
    return "".join(text.lower().replace(":", "").split())


def application_uri(certificate: x509.Certificate) -> str:
    """The application URI in a certificate; empty where it has none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else ""


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _inspect(der: bytes) -> tuple[str, str]:
    """(subject, what is wrong with it); the second is empty where nothing is."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject = certificate.subject.rfc4514_string()
    except ValueError as error:
        return "", f"cannot be read: {error}"
    now = clock.now()
    if certificate.not_valid_after_utc < now:
        return subject, f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.not_valid_before_utc > now:
        return subject, f"is valid only from {certificate.not_valid_before_utc:%Y-%m-%d} on"
    return subject, ""


def _describe(file: Path, *, trusted: bool) -> KnownCertificate:
    try:
        certificate = x509.load_der_x509_certificate(file.read_bytes())
    except ValueError:
        return KnownCertificate(fingerprint=file.stem, subject="", application_uri="", trusted=trusted, expires="")
    return KnownCertificate(
        fingerprint=file.stem, subject=certificate.subject.rfc4514_string(), application_uri=application_uri(certificate),
        trusted=trusted, expires=clock.rfc3339(clock.to_us(certificate.not_valid_after_utc)),
    )  # fmt: skip
