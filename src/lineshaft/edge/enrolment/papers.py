"""What an enrolled machine keeps in its home, in `edge/enrolment/`.

    server.json     where the server is and which authority is believed
    authority.pem   the server's certificates, verified by the token
    pending.key     a key whose certificate is on its way
    identity.pem    key, certificate and chain in one file, so that they are replaced together

Each file is written whole and readable by the owner only.
"""

from datetime import datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, Unavailable
from lineshaft.core.home import Home, write_file

FOLDER: Final = "edge/enrolment"


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Who gave this machine its certificate."""

    url: str
    authority: str
    """SHA-256 of its root certificate."""
    name: str
    """The machine's name there."""


class Papers:
    """The files of one home."""

    def __init__(self, home: Home) -> None:
        self.folder = home.path / FOLDER
        self.authority = self.folder / "authority.pem"
        self.identity = self.folder / "identity.pem"
        self._server = self.folder / "server.json"
        self._pending = self.folder / "pending.key"

    # -- the server ---------------------------------------------------------------------------------------------------

    def server(self) -> Server:
        """Who gave this machine its certificate.

        Raises:
            Unavailable: nobody has. Corrupt: the file cannot be read.
        """
        try:
            return msgspec.json.decode(self._server.read_bytes(), type=Server)
        except FileNotFoundError:
            raise Unavailable(
                "edge.not_enrolled", f"this machine has not enrolled ({self.folder})",
                "On the server `lineshaft edge invite NAME`, here `lineshaft edge enrol TOKEN`.", path=str(self.folder),
            ) from None  # fmt: skip
        except (OSError, msgspec.MsgspecError) as error:
            raise Corrupt(
                "edge.enrolment_unreadable", f"{self._server} cannot be read: {error}", "Enrol anew with a new token.",
                path=str(self._server), reason=str(error),
            ) from error  # fmt: skip

    def keep_server(self, server: Server, authority: bytes) -> None:
        """Believe this authority (PEM) from now on."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self.authority, authority)
        write_file(self._server, msgspec.json.encode(server))

    # -- the certificate ------------------------------------------------------------------------------------------------

    def certificate(self) -> x509.Certificate | None:
        """Our certificate; None where there is none that can be read."""
        try:
            return x509.load_pem_x509_certificates(self.identity.read_bytes())[0]
        except (OSError, ValueError):
            return None

    def in_force(self) -> x509.Certificate | None:
        """Our certificate, where it has not expired."""
        certificate = self.certificate()
        return certificate if certificate is not None and certificate.not_valid_after_utc > clock.now() else None

    def request(self, name: str) -> bytes:
        """A request for a certificate of the pending key, which is made where there is none; DER."""
        key = self._pending_key()
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.DER)

    def keep_certificate(self, certificate: x509.Certificate) -> None:
        """Take the certificate of the pending key into use.

        Raises:
            Corrupt: it is another key's.
        """
        key = self._pending_key()
        if certificate.public_key() != key.public_key():
            raise Corrupt(
                "edge.certificate_of_another_key", "the server's certificate is not for the key that was sent",
                "Enrol again; if it stays, something between here and the server answers in its place.",
            )  # fmt: skip
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        write_file(self.identity, _pem(key) + pem + self.authority.read_bytes())
        self._pending.unlink(missing_ok=True)

    def _pending_key(self) -> ec.EllipticCurvePrivateKey:
        try:
            key = serialization.load_pem_private_key(self._pending.read_bytes(), None)
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return key
        except (FileNotFoundError, ValueError):
            pass
        made = ec.generate_private_key(ec.SECP256R1())
        write_file(self._pending, _pem(made))
        return made


def renewal_time(certificate: x509.Certificate) -> datetime:
    """When two thirds of a certificate's life are over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin + (end - begin) * 2 / 3


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
