"""Routes of certificates under /api/v1/access: list, issue, revoke; what everybody may have to check them."""

from typing import Annotated, Any, Final, cast

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from lineshaft.access.access import Access
from lineshaft.access.model import Actor
from lineshaft.access.pki import certificates
from lineshaft.access.pki.authority import pem_of
from lineshaft.access.pki.certificates import Certificate
from lineshaft.access.pki.crl import FOLDER
from lineshaft.access.pki.messages import IssueCertificate, IssuedCertificate, RevokeCertificate
from lineshaft.access.pki.views import (
    CertificateBody,
    CertificatePage,
    CertificateView,
    IssuedView,
    RevocationBody,
    certificate_view,
)
from lineshaft.access.requests import ask_to_change
from lineshaft.bus.client import Bus
from lineshaft.core.errors import NotFound, Unavailable
from lineshaft.core.home import Home
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Principal
from lineshaft.records import Database

_ROOT: Final = "/api/v1/access"
_TAGS: Final = ["access"]
_MANAGE: Final = {"action": "access:manage"}


@get(f"{_ROOT}/certificates", opt=_MANAGE, tags=_TAGS)
async def list_certificates(
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(description="Items on one page")] = 100,
    name: Annotated[str | None, QueryParameter(description="Only this principal's")] = None,
) -> CertificatePage:
    """Certificates, newest first: those that have ended and those revoked too."""
    before = None if cursor is None else cast("tuple[int, str]", tuple(decode_cursor(cursor, int, str)))
    who = None if name is None else (await access.member(name)).id
    found = await database.query(
        certificates.list_all, access.tenant, before=before, limit=check_limit(limit), principal=who
    )
    more = encode_cursor(found[-1].issued, found[-1].fingerprint) if len(found) == limit else None
    return CertificatePage(items=[certificate_view(each) for each in found], next=more)


@get(f"{_ROOT}/certificates/{{fingerprint:str}}", opt=_MANAGE, tags=_TAGS)
async def get_certificate(
    access: NamedDependency[Access], database: NamedDependency[Database], fingerprint: FromPath[str]
) -> CertificateView:
    """One certificate, by the SHA-256 fingerprint of its DER."""
    return certificate_view(await database.query(certificates.get, access.tenant, fingerprint))


@post(f"{_ROOT}/certificates", opt=_MANAGE, tags=_TAGS)
async def issue_certificate(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[CertificateBody]
) -> IssuedView:
    """Issue a certificate to a principal from its request."""
    asked = IssueCertificate(
        actor=Actor.of(principal), name=data.name, profile=data.profile, csr=data.csr, names=data.names
    )
    made = await ask_to_change(bus, "issue_certificate", asked, IssuedCertificate)
    return IssuedView(certificate=certificate_view(made.certificate), chain=made.chain)


@post(f"{_ROOT}/certificates/{{fingerprint:str}}/revoke", opt=_MANAGE, tags=_TAGS, status_code=200)
async def revoke_certificate(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], fingerprint: FromPath[str],
    data: JSONBody[RevocationBody],
) -> CertificateView:  # fmt: skip
    """Revoke a certificate for ever; refused everywhere within seconds."""
    asked = RevokeCertificate(actor=Actor.of(principal), fingerprint=fingerprint, reason=data.reason)
    return certificate_view(await ask_to_change(bus, "revoke_certificate", asked, Certificate))


@get(f"{_ROOT}/ca.pem", opt={"public": "certificates of authorities are public"}, tags=_TAGS)
async def get_authorities(access: NamedDependency[Access], database: NamedDependency[Database]) -> Response[bytes]:
    """The issuing certificate and the root, PEM."""
    issuing = await database.query(certificates.authorities, access.tenant, certificates.ISSUING)
    root = await database.query(certificates.authorities, access.tenant, certificates.ROOT)
    if not issuing or not root:
        raise NotFound(
            "access.ca_missing", "this installation has no certificate authority in force yet",
            "`lineshaft pki show` says what is missing.",
        )  # fmt: skip
    return Response((pem_of(issuing[0]) + pem_of(root[0])).encode(), media_type="application/pem-certificate-chain")


@get(f"{_ROOT}/crl", opt={"public": "whoever checks a certificate must see what is revoked"}, tags=_TAGS)
async def get_crl(home: NamedDependency[Home]) -> Response[bytes]:
    """The revocation list, DER."""
    try:
        content = (home.path / FOLDER / "crl.der").read_bytes()
    except OSError as error:
        raise Unavailable(
            "access.crl_missing", "there is no revocation list yet", "It is made as soon as the authority is in force.",
            retry_seconds=5,
        ) from error  # fmt: skip
    return Response(content, media_type="application/pkix-crl")


ROUTES: Final[list[Any]] = [
    list_certificates, get_certificate, issue_certificate, revoke_certificate, get_authorities, get_crl,
]  # fmt: skip
