"""The revocation list: made anew and given to everybody: as files, and as an event on the bus."""

from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from lineshaft.access.files import write_whole
from lineshaft.access.pki import certificates, trust
from lineshaft.access.pki.authority import CertificateAuthority
from lineshaft.bus.envelopes import event_headers
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.home import Home, Identity
from lineshaft.records import Database, outbox

FOLDER: Final = "run/certs"
"""Where the home holds certificates for the box's own services."""
_LARGEST_EVENT: Final = 256 * 1024


class RevocationList(msgspec.Struct, frozen=True, kw_only=True):
    """Event `access.crl`: a new list. Whoever missed it reads `/api/v1/access/crl`."""

    number: int
    this_update: int
    next_update: int
    """Microseconds UTC."""
    der: bytes
    """The list; empty where it is too large for a message."""


def renew(database: Database, authority: CertificateAuthority, home: Home, identity: Identity) -> bytes:
    """A new list of everything revoked by now; announced to the bus, then in files. One caller at a time.

    It is kept last: what is killed before makes and announces another.

    Raises:
        Unavailable: the authority is not in force, or the disk or the records do not take it.
    """
    with database.read() as connection:
        revoked = certificates.revoked(connection, identity.tenant)
    made = authority.sign_crl(revoked)
    database.transact(_announce, identity, made)
    publish(home, made)
    authority.keep_crl(made)
    return made


def publish(home: Home, der: bytes) -> None:
    """The list as files for TLS listeners: `crl.der` and `crl.pem`."""
    place = home.folder(FOLDER)
    write_whole(place / "crl.der", der)
    write_whole(place / "crl.pem", x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))


def _announce(connection: Connection, identity: Identity, der: bytes) -> None:
    subjects = Subjects(identity.tenant, identity.site)
    headers = event_headers(source=f"/{identity.tenant}/{identity.site}/access", type_="access.crl")
    outbox.add(connection, subjects.event("access", "crl"), msgspec.json.encode(describe(der, carry=True)), headers)


def describe(der: bytes, *, carry: bool = False) -> RevocationList:
    """What a list says of itself.

    Args:
        carry: with the list, where it is not too large for a message.
    """
    crl = x509.load_der_x509_crl(der)
    assert crl.next_update_utc is not None
    return RevocationList(
        number=trust.crl_number(crl), this_update=clock.to_us(crl.last_update_utc),
        next_update=clock.to_us(crl.next_update_utc), der=der if carry and len(der) <= _LARGEST_EVENT else b"",
    )  # fmt: skip
