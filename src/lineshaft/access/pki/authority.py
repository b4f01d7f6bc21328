"""The installation's certificate authority: a root, an issuing authority under it, and what that signs.

`CertificateAuthority(home, identity, settings)` reads its files and makes those that are missing. Certificates are
renewed with the key they have, so what was issued before goes on being good. Where the root is offline, or the token
with the issuing key is away, nothing new is issued and everything else goes on. Blocks: for threads and transactions.
"""

import threading
from collections.abc import Sequence
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from lineshaft.access import principals
from lineshaft.access.pki import building, certificates, trust
from lineshaft.access.pki.authority_files import AuthorityFiles, missing
from lineshaft.access.pki.building import Revocation
from lineshaft.access.pki.csr import AnyKey, check_host, read_request
from lineshaft.access.pki.der import Signer
from lineshaft.access.pki.profiles import DAY_US, HOUR_US, ProfileName, check_profile, life_us
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.access.pki.token_key import TokenKey
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.core.home import Home, Identity
from lineshaft.core.principals import Principal
from lineshaft.core.suites import Algorithm, PrivateKey, PublicKey, Suite

ALGORITHM: Final[dict[Suite, Algorithm]] = {"intl": "ecdsa-p256", "gm": "sm2"}
"""What an authority of each suite signs with."""
_YEAR_US: Final = 365 * DAY_US


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate just issued."""

    certificate: x509.Certificate
    chain_pem: str
    """It, then the issuing authority's."""

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return pem_of(self.certificate)

    @property
    def fingerprint(self) -> str:
        return certificates.fingerprint_of(self.certificate)

    @property
    def not_after(self) -> int:
        """Microseconds UTC."""
        return clock.to_us(self.certificate.not_valid_after_utc)


class CertificateAuthority:
    """Issues for one installation. Safe to share between threads.

    Raises:
        Corrupt: the issuing key is gone while certificates were issued with it. InvalidInput: settings of the token.
    """

    def __init__(self, home: Home, identity: Identity, settings: PkiSettings) -> None:
        self._files = AuthorityFiles.of(home)
        self._tenant = identity.tenant
        self._settings = settings
        self._lock = threading.Lock()
        self.renewing: Final = threading.Lock()
        """Held by whoever renews files and the revocation list: one at a time."""
        self._signer: Signer | None = None
        self._trouble = ""
        self.root: x509.Certificate | None = None
        self.issuing: x509.Certificate | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Renew what has two thirds of its life behind it, or begins in the future because a clock was set back.

        Returns whether another certificate is in force than before.
        """
        with self._lock:
            before = self.root, self.issuing
            self._signer = self._signer or self._issuing_signer()
            root_key = self._root_key()
            self.root = self._root_certificate(root_key)
            self.issuing = self._issuing_certificate(root_key)
            return before != (self.root, self.issuing)

    # -- what it issues ---------------------------------------------------------------------------------------------

    def issue(
        self, connection: Connection, request: bytes | x509.CertificateSigningRequest | PublicKey,
        profile: ProfileName | str, principal: Principal, *, names: Sequence[str] = (),
    ) -> Issued:  # fmt: skip
        """A certificate for a principal, noted in the caller's transaction.

        Args:
            request: a PKCS #10 request, PEM or DER; or a key whose possession needs no proof, as the box's own.
            names: DNS names and addresses that may stand in it, where the profile has such; those that the request
                names, or all where it names none.

        Raises:
            InvalidInput: the request, see `csr.read_request`. Conflict: revoked, or no profile for this principal.
            Unavailable: no issuing certificate is in force, or its key does not answer.
        """
        self._check_active(connection, principal)
        kind = check_profile(profile, principal)
        issuing, signer = self._in_force()
        allowed = tuple(dict.fromkeys(map(check_host, names))) if kind.named else ()
        key: AnyKey
        if isinstance(request, PublicKey):
            key, wanted = request, allowed
        else:
            read = read_request(request, name=principal.name, uri=building.uri_of(principal.id), names=allowed)
            key, wanted = read.key, read.names or allowed
        valid = building.validity(life_us(kind, self._settings), issuing)
        certificate = building.principal_certificate(principal, kind, key, wanted, valid, issuing, signer)
        certificates.record(
            connection, self._tenant, certificate, profile=kind.name, suite=signer.public.suite, principal=principal.id
        )
        return Issued(certificate=certificate, chain_pem=pem_of(certificate) + pem_of(issuing))

    def sign_crl(self, revoked: Sequence[Revocation]) -> bytes:
        """A new revocation list (DER); its number is higher than that of the one kept, whatever the clock says.

        Raises:
            Unavailable: as `issue`.
        """
        issuing, signer = self._in_force()
        last = self._last_crl()
        number = max(clock.now_us() // clock.MICROSECONDS, 0 if last is None else trust.crl_number(last) + 1)
        next_update = clock.now_us() + 2 * self._settings.crl_hours * HOUR_US
        return building.revocation_list(number, revoked, next_update, issuing, signer)

    def keep_crl(self, der: bytes) -> None:
        """Make this list the one that `crl` gives.

        Raises:
            Unavailable: the disk does not take it.
        """
        self._files.put("crl.der", der)

    # -- what it shows ----------------------------------------------------------------------------------------------

    def chain_pem(self) -> str:
        """The issuing certificate, then the root; empty where the authority is not in force."""
        return "".join(pem_of(certificate) for certificate in self._chain())

    def root_pem(self) -> str:
        """The root; empty where there is none yet."""
        return "" if self.root is None else pem_of(self.root)

    def cacerts(self) -> list[bytes]:
        """The issuing certificate and the root, DER (RFC 7030, 4.1)."""
        return [certificate.public_bytes(Encoding.DER) for certificate in self._chain()]

    def crl(self) -> bytes:
        """The revocation list as last kept, DER.

        Raises:
            Unavailable: none was signed yet.
        """
        last = self._files.get("crl.der")
        if last is None:
            raise Unavailable(
                "access.crl_missing", "there is no revocation list yet", "It is made as soon as the authority is in force.",
                retry_seconds=5,
            )  # fmt: skip
        return last

    def trouble(self) -> str:
        """Why nothing can be issued now; empty where it can."""
        try:
            self._in_force()
        except Unavailable as error:
            return str(error.facts.get("reason", error.message))
        return ""

    def record(self, connection: Connection) -> None:
        """Note the authority's own certificates in the records, where whoever checks a certificate finds them."""
        for certificate, profile in ((self.root, certificates.ROOT), (self.issuing, certificates.ISSUING)):
            if certificate is not None:
                suite = PublicKey(trust.key_of(certificate)).suite
                certificates.record_authority(connection, self._tenant, certificate, profile=profile, suite=suite)

    # -- keys and certificates of its own -----------------------------------------------------------------------------

    def _issuing_signer(self) -> Signer | None:
        if self._settings.pkcs11_module:
            try:
                return TokenKey(self._settings)
            except Unavailable as error:
                self._trouble = error.message
                return None
        key = self._files.key("issuing")
        if key is None:
            if self._files.certificate("issuing") is not None:
                raise missing(self._files.folder / "issuing.key")
            key = self._files.new_key("issuing", ALGORITHM[self._settings.suite])
        return key

    def _root_key(self) -> PrivateKey | None:
        """The root's key; None where it is elsewhere: by the settings, or because somebody took it away."""
        if self._settings.root == "offline":
            return None
        key = self._files.key("root")
        if key is None and self._files.certificate("root") is None:
            key = self._files.new_key("root", ALGORITHM[self._settings.suite])
        return key

    def _root_certificate(self, key: PrivateKey | None) -> x509.Certificate | None:
        found = self._files.certificate("root")
        if key is None or (found is not None and trust.holds(found, key.public) and trust.fresh(found)):
            return found
        valid = building.validity(self._settings.root_years * _YEAR_US)
        made = building.authority_certificate(
            building.authority_name("root", self._tenant, key.public), key.public, 1, valid, key
        )
        self._files.put_certificate("root", made)
        return made

    def _issuing_certificate(self, root_key: PrivateKey | None) -> x509.Certificate | None:
        found = self._files.certificate("issuing")
        if self._signer is None:
            return found
        public = self._signer.public
        good = (
            found is not None and self.root is not None
            and trust.holds(found, public) and trust.signed_by(found, self.root)
        )  # fmt: skip
        if good and found is not None and (root_key is None or trust.fresh(found)):
            return found
        subject = building.authority_name("issuing", self._tenant, public)
        if root_key is None or self.root is None:
            self._ask_root(subject)
            return None
        valid = building.validity(self._settings.issuing_days * DAY_US, self.root)
        made = building.authority_certificate(subject, public, 0, valid, root_key, self.root.subject)
        self._files.put_certificate("issuing", made)
        return made

    def _ask_root(self, subject: x509.Name) -> None:
        """Leave a request for the root's holder, once."""
        assert self._signer is not None
        found = self._files.get("issuing.csr")
        if found is None or not trust.request_holds(found, self._signer.public):
            request = building.authority_request(subject, self._signer)
            self._files.put("issuing.csr", request.public_bytes(Encoding.PEM))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _in_force(self) -> tuple[x509.Certificate, Signer]:
        issuing, signer = self.issuing, self._signer
        if signer is None:
            raise _not_in_force(self._trouble)
        if issuing is None:
            raise _not_in_force("the root has not signed the issuing certificate yet")
        if not trust.valid_now(issuing):
            raise _not_in_force("the issuing certificate is not valid at the present time")
        return issuing, signer

    def _chain(self) -> list[x509.Certificate]:
        return [certificate for certificate in (self.issuing, self.root) if certificate is not None]

    def _last_crl(self) -> x509.CertificateRevocationList | None:
        try:
            return x509.load_der_x509_crl(self._files.get("crl.der") or b"")
        except ValueError:
            return None

    def _check_active(self, connection: Connection, principal: Principal) -> None:
        if principal.tenant != self._tenant:
            raise InvalidInput(
                "access.certificate_foreign_tenant", f"{principal.name!r} belongs to another tenant",
                "Its own installation issues its certificates.", name=principal.name,
            )  # fmt: skip
        row = principals.get_row(connection, self._tenant, principal.id)
        if row.revoked is not None:
            raise Conflict(
                "access.principal_revoked", f"{row.name!r} is revoked", "`lineshaft access reinstate` brings it back.",
                name=row.name,
            )  # fmt: skip


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _not_in_force(reason: str) -> Unavailable:
    return Unavailable(
        "access.ca_not_in_force", f"certificates cannot be issued now: {reason}",
        "`lineshaft pki show` says what is missing; where the root is offline, `lineshaft pki install` ends this.",
        reason=reason,
    )  # fmt: skip
