"""Makers' certificates (IDevID, IEEE 802.1AR): which authorities are believed, and whose a certificate is."""

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from lineshaft.core.errors import InvalidInput

LONGEST_SERIAL: Final = 64


class Makers:
    """The makers' authorities in one PEM file; without a file nobody is believed.

    Raises:
        InvalidInput: the file cannot be read.
    """

    def __init__(self, file: str) -> None:
        try:
            self._authorities = x509.load_pem_x509_certificates(Path(file).read_bytes()) if file else []
        except (OSError, ValueError) as error:
            raise InvalidInput(
                "access.makers_unreadable", f"setting est.idevid_roots names {file!r}, which cannot be used: {error}",
                "Name a PEM file with the certificates of the makers' authorities.", field="est.idevid_roots", value=file,
                reason=str(error),
            ) from error  # fmt: skip

    def serial_of(self, der: bytes) -> str | None:
        """The serial number in a maker's certificate, empty where there is not one that could be invited.

        None where no believed maker signed it. TLS has checked the rest.
        """
        if not self._authorities:
            return None
        try:
            certificate = x509.load_der_x509_certificate(der)
            if not any(_signed(certificate, authority) for authority in self._authorities):
                return None
            serials = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
        except ValueError:
            return None
        return serials[0] if len(serials) == 1 and len(serials[0]) <= LONGEST_SERIAL else ""


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
