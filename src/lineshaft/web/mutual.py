"""TLS of the device listener: a client may prove itself with a certificate, and OpenSSL checks it in the handshake.

Believed are our own authority and the makers' whose devices may enrol. SHA-1, RSA below 2,048 bits, what has expired
and what nobody known has signed end the handshake; what is revoked is seen afterwards, in the records.
"""

import contextlib
import hashlib
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from lineshaft.core.errors import InvalidInput

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"

Refused = Callable[[str], None]
"""Told why a client's certificate was refused."""


class MutualTls:
    """The context, which takes renewed files without a restart.

    Args:
        certificate, key: of the server, PEM.
        authorities: PEM files of those whose signature on a client's certificate is believed.
        refused: told each time a client's certificate is refused.

    Raises:
        InvalidInput: a file cannot be used.
    """

    def __init__(self, certificate: Path, key: Path, authorities: Sequence[Path], refused: Refused) -> None:
        self._files = (certificate, key, *authorities)
        self._seen = ""
        context = self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # an authority in the files need be no root
        # Every connection is checked anew, and nothing is spent on tickets that nobody may use.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        context.sslobject_class = _watched(refused)
        self.reload()

    def reload(self) -> bool:
        """Take the files as they are now, for the next handshakes; False where they have not changed.

        Raises:
            InvalidInput: one cannot be used; what was taken before stays.
        """
        seen = self.changed()
        if seen:
            self.take(seen)
        return bool(seen)

    def changed(self) -> str:
        """What the files are now, where that is not what was taken, and usable; else nothing. May wait for the disk.

        Certificate and key are two files: between them a pair may not fit, which is tried on a context of nobody's.

        Raises:
            InvalidInput: as `reload`.
        """
        with self._usable():
            seen = hashlib.sha256(b"\0".join(file.read_bytes() for file in self._files)).hexdigest()
            if seen == self._seen:
                return ""
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            return seen

    def take(self, seen: str) -> None:
        """Load the files. Call it where handshakes are made, so that none comes between certificate and key.

        Raises:
            InvalidInput: as `reload`.
        """
        with self._usable():
            self._load(self.context)
        self._seen = seen

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key, *authorities = self._files
        context.load_cert_chain(certificate, key, password="")
        for file in authorities:
            context.load_verify_locations(file)

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        certificate = self._files[0]
        try:
            yield
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise InvalidInput(
                "web.device_tls_unusable", f"the files of the device listener beside {certificate} cannot be used: {error}",
                "`lineshaft up` makes certificate and key where they are missing; est.idevid_roots names a PEM file.",
                path=str(certificate), reason=str(error),
            ) from error  # fmt: skip


def _watched(refused: Refused) -> type[ssl.SSLObject]:
    """OpenSSL's connection that also tells why it refused: the event loop would swallow it with the connection."""

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> Any:
            try:
                return super().do_handshake()
            except ssl.SSLCertVerificationError as error:
                refused(error.verify_message)
                raise

    return Watched
