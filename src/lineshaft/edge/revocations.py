"""Which certificates of our own authority are revoked, as a gateway knows it: from the bus, from disk, from the server.

A list is taken only where an authority that this gateway believes has signed it and its number is higher than the last
one's: an old list cannot bring a revoked certificate back. The last one is kept, so a gateway that starts alone has it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from lineshaft.bus import Bus, LiveMessage
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home, write_file
from lineshaft.edge.enrolment.conversation import Conversation
from lineshaft.edge.enrolment.papers import Papers

_LOOK_SECONDS: Final = 2.0
_ASK_SECONDS: Final = 600.0


class _Announced(msgspec.Struct):
    """Event `access.crl`, as much of it as is needed."""

    der: bytes = b""


class Revocations:
    """The newest list of one home.

    Args:
        home: of the box, whose authority's files lie in `run/certs`, or of a gateway that has enrolled.
    """

    def __init__(self, home: Home, log: Any) -> None:
        self._papers = Papers(home)
        self._box = home.run / "certs"
        self._kept = home.path / "edge/crl.der"
        self._log = log
        self._list: x509.CertificateRevocationList | None = None
        self._number = -1
        self._asked = -_ASK_SECONDS
        self._ask = asyncio.Event()

    def revoked(self, der: bytes) -> bool:
        """Whether a certificate is one of ours that was revoked."""
        if self._list is None:
            return False
        try:
            certificate = x509.load_der_x509_certificate(der)
            ours = certificate.issuer == self._list.issuer
        except ValueError:
            return False
        return ours and self._list.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def load(self) -> None:
        """Take the list kept by an earlier run, and the box's own where this is its home."""
        self._take_file(self._kept)
        self._take_file(self._box / "crl.der")

    def take(self, der: bytes) -> bool:
        """Take a list, where it is newer and signed by an authority that we believe; keeps it on disk."""
        try:
            found = x509.load_der_x509_crl(der)
            number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except (ValueError, x509.ExtensionNotFound):
            return False
        if number <= self._number or not self._signed(found):
            return False
        self._list, self._number = found, number
        try:
            write_file(self._kept, der)
        except OSError as error:  # it holds in memory; the next start asks the bus or the server
            self._log.error("edge_revocations_not_kept", file=str(self._kept), error=str(error))
        return True

    async def follow(self, bus: Bus, changed: Callable[[], Awaitable[None]]) -> None:
        """Take every newer list, for ever; `changed` is awaited after each."""

        async def announced(message: LiveMessage) -> None:
            try:
                der = msgspec.json.decode(message.data, type=_Announced).der
            except msgspec.MsgspecError:
                return
            if not der:  # too large for a message
                self._ask.set()
            elif await asyncio.to_thread(self.take, der):
                await changed()

        await bus.subscribe(bus.subjects.event("access", "crl"), announced)
        loop = asyncio.get_running_loop()
        while True:
            before = self._number
            await asyncio.to_thread(self._take_file, self._box / "crl.der")
            if self._ask.is_set() or loop.time() - self._asked > _ASK_SECONDS:
                self._ask.clear()
                self._asked = loop.time()
                await asyncio.to_thread(self._ask_server)
            if self._number != before:
                await changed()
            await asyncio.sleep(_LOOK_SECONDS)

    def _take_file(self, file: Path) -> None:
        try:
            der = file.read_bytes()
        except OSError:
            return
        self.take(der)

    def _ask_server(self) -> None:
        """Of a gateway that has enrolled: what the bus has not told it."""
        if self._papers.certificate() is None:
            return
        try:
            self.take(Conversation(self._papers).revocation_list())
        except LineshaftError as error:
            self._log.debug("edge_revocations_not_asked", code=error.code)

    def _signed(self, found: x509.CertificateRevocationList) -> bool:
        for file in (self._box / "ca.crt", self._papers.authority):
            try:
                authorities = x509.load_pem_x509_certificates(file.read_bytes())
            except (OSError, ValueError):
                continue
            if any(each.subject == found.issuer and _verifies(found, each) for each in authorities):
                return True
        return False


def _verifies(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return found.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # others raise TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
