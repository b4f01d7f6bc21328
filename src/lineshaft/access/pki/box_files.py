"""The certificates of the box's own services, as files in `run/certs`:

    ca.crt                     issuing authority and root: what to trust
    <service>.crt, .key        of each service, to call and to be called with
    web-server.crt, .key       of the web server's TLS listeners, with the box's names
    crl.der, crl.pem           the revocation list

A service's file holds its certificate and the issuing one. It is renewed at two thirds of its life with the key it has,
so that certificate and key always fit; a reader that sees the file change reads it again.
"""

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from sqlalchemy import Connection, Row, select

from lineshaft.access import principals
from lineshaft.access.files import write_secret
from lineshaft.access.pki import certificates, crl, trust
from lineshaft.access.pki.authority import CertificateAuthority
from lineshaft.access.pki.csr import check_host
from lineshaft.access.pki.profiles import ProfileName
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.access.store import PRINCIPAL
from lineshaft.bus.client import credentials_file
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home, Identity
from lineshaft.core.principals import Principal
from lineshaft.core.suites import PrivateKey
from lineshaft.records import Database

WEB_SERVER: Final = "web-server"
_WEB: Final = "web"


class BoxFiles:
    """Keeps them."""

    def __init__(
        self, home: Home, identity: Identity, database: Database, authority: CertificateAuthority, settings: PkiSettings
    ) -> None:
        self._home = home
        self._identity = identity
        self._database = database
        self._authority = authority
        self._names = [check_host(name) for name in ("localhost", "127.0.0.1", "::1", *_own_names(), *settings.names)]

    @property
    def folder(self) -> Path:
        return self._home.folder(crl.FOLDER)

    def keep(self) -> list[str]:
        """See that every file is there and good; returns the names of the certificates made anew.

        Raises:
            Unavailable: the authority is not in force, or the disk or the records do not take it.
        """
        self._database.transact(self._authority.record)
        self._keep_trust()
        made = []
        with self._database.read() as connection:
            services = list(self._services(connection))
        for principal in services:
            if self._keep(principal, principal.name, "service", []):
                made.append(principal.name)
            if principal.name == _WEB and self._keep(principal, WEB_SERVER, "server", self._names):
                made.append(WEB_SERVER)
        return made

    def _services(self, connection: Connection) -> Iterable[Principal]:
        """Services whose bus credentials are in this home: those that run here."""
        query = select(PRINCIPAL).where(
            PRINCIPAL.c.tenant == self._identity.tenant, PRINCIPAL.c.kind == "service", PRINCIPAL.c.revoked.is_(None)
        )
        for row in connection.execute(query):
            if credentials_file(self._home, row.name).exists():
                yield principals.from_row(row)

    def _keep_trust(self) -> None:
        text = self._authority.chain_pem()
        file = self.folder / "ca.crt"
        if text and _text(file) != text:
            write_secret(file, text)

    def _keep(self, principal: Principal, stem: str, profile: ProfileName, names: list[str]) -> bool:
        """One certificate; returns whether it was made anew."""
        certificate_file, key_file = self.folder / f"{stem}.crt", self.folder / f"{stem}.key"
        key, found = _key(key_file), _certificate(certificate_file)
        known = None if found is None else self._row(found)
        if key is not None and found is not None and known is not None and known.revoked is None:
            if self._fits(found, key, names):
                return False
        elif known is not None:
            key = None  # what was revoked may have lost its key to somebody
        if key is None:
            key = PrivateKey.generate("ecdsa-p256")
            write_secret(key_file, key.pem())
        issued = self._database.transact(self._authority.issue, key.public, profile, principal, names=names)
        write_secret(certificate_file, issued.chain_pem)
        return True

    def _fits(self, found: x509.Certificate, key: PrivateKey, names: list[str]) -> bool:
        issuing = self._authority.issuing
        return (
            trust.holds(found, key.public) and trust.fresh(found) and issuing is not None
            and trust.signed_by(found, issuing) and set(names) == set(trust.hosts(found))
        )  # fmt: skip

    def _row(self, found: x509.Certificate) -> Row[Any] | None:
        with self._database.read() as connection:
            return certificates.find(connection, self._identity.tenant, certificates.fingerprint_of(found))


def _own_names() -> list[str]:
    """The machine's name, where it can stand in a certificate."""
    name = socket.gethostname()
    return [name] if name.isascii() and name.replace("-", "").replace(".", "").isalnum() else []


def _key(file: Path) -> PrivateKey | None:
    try:
        return PrivateKey.load(file)
    except (OSError, LineshaftError):
        return None


def _certificate(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii", errors="replace")
    except OSError:
        return ""
