"""What the machine says to the server's device listener, with the standard library's HTTPS: no client of ours is loaded
in a gateway for it. Every call checks the server by the authority that the token named.
"""

import base64
import binascii
import hashlib
import http.client
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from lineshaft.access.est.messages import Joined
from lineshaft.core.errors import Conflict, Forbidden, LineshaftError, Unavailable
from lineshaft.core.http import error_from_problem
from lineshaft.edge.enrolment.papers import Papers

_SECONDS: Final = 20.0
_LARGEST: Final = 1 << 20
_EST: Final = "/.well-known/est"
JOIN: Final = "/api/v1/access/enrolment/join"
CRL: Final = "/api/v1/access/crl"


def authority_of(url: str, fingerprint: str) -> bytes:
    """The server's root certificate with this SHA-256 and the authorities that it has signed, PEM.

    No secret is said on this connection, and nothing else that came over it is believed.

    Raises:
        Forbidden: the server has another authority. Unavailable: it does not answer.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what it gives is believed by its fingerprint only
    given = _certificates(_call(url, context, "GET", f"{_EST}/cacerts"), url)
    root = next((certificate for certificate in given if _fingerprint(certificate) == fingerprint), None)
    if root is None:
        raise Forbidden(
            "edge.server_not_the_one", f"{url} has another authority than the token names",
            "Make a new token on the server; if this stays, something else answers at that address.", url=url,
        )  # fmt: skip
    below = [certificate for certificate in given if certificate != root and _signed(certificate, root)]
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in (*below, root))


class Conversation:
    """Calls on one server, by what lies in `papers`."""

    def __init__(self, papers: Papers) -> None:
        self._papers = papers
        self._url = papers.server().url

    def enrol(self, request: bytes, name: str, secret: str) -> x509.Certificate:
        """The certificate for a request (DER), by one-time token.

        Raises:
            Conflict: the token is not accepted. Unavailable: no answer.
        """
        login = base64.b64encode(f"{name}:{secret}".encode()).decode()
        return self._ask("simpleenroll", request, self._context(), {"Authorization": f"Basic {login}"})

    def renew(self, request: bytes) -> x509.Certificate:
        """The certificate for a request (DER), by the one in force.

        Raises:
            Conflict: it is not accepted. Unavailable: no answer.
        """
        return self._ask("simplereenroll", request, self._context(mine=True), {})

    def join(self) -> Joined:
        """Where this machine belongs, and its credentials for the bus.

        Raises:
            LineshaftError: what the server refused; Unavailable where it does not answer.
        """
        body = _call(self._url, self._context(mine=True), "POST", JOIN, b"", {"Content-Type": "application/json"})
        try:
            return msgspec.json.decode(body, type=Joined)
        except msgspec.MsgspecError as error:
            raise _unreadable(self._url, str(error)) from error

    def revocation_list(self) -> bytes:
        """The list of the certificates that the authority has revoked, DER.

        Raises:
            LineshaftError: it is not given; Unavailable where the server does not answer.
        """
        return _call(self._url, self._context(mine=True), "GET", CRL)

    def _ask(
        self, operation: str, request: bytes, context: ssl.SSLContext, headers: dict[str, str]
    ) -> x509.Certificate:
        fields = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64", **headers}
        body = _call(self._url, context, "POST", f"{_EST}/{operation}", base64.encodebytes(request), fields)
        return _certificates(body, self._url)[0]

    def _context(self, *, mine: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.hostname_checks_common_name = False  # ours is a principal's name: an app may be called like a host
        context.load_verify_locations(self._papers.authority)
        if mine:
            context.load_cert_chain(self._papers.identity)
        return context


def _call(
    url: str, context: ssl.SSLContext, method: str, path: str, body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:  # fmt: skip
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=_SECONDS, context=context)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = response.read(_LARGEST)
    except (OSError, http.client.HTTPException) as error:  # ssl.SSLError is an OSError
        raise Unavailable(
            "edge.server_unreachable", f"{url} does not answer as it should: {error}",
            "Check address and network; the certificate of the server must name the address in the token.",
            url=url, reason=str(error),
        ) from error  # fmt: skip
    finally:
        connection.close()
    if response.status in (200, 201):
        return answer
    raise _refused(url, response.status, answer)


def _refused(url: str, status: int, answer: bytes) -> LineshaftError:
    try:
        document: Any = msgspec.json.decode(answer)
        if isinstance(document, dict) and "code" in document:
            return error_from_problem(document)
    except msgspec.MsgspecError:
        pass
    text = answer[:300].decode("utf-8", "replace").strip()
    if status >= 500:
        return Unavailable(
            "edge.server_failed", f"{url} cannot do it now: {text}", "Try again later.", url=url, reason=text
        )
    return Conflict(
        "edge.enrolment_refused", f"{url} refuses: {text}", "A new token from `lineshaft edge invite` on the server helps.",
        url=url, reason=text,
    )  # fmt: skip


def _certificates(body: bytes, url: str) -> list[x509.Certificate]:
    try:
        found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    except (binascii.Error, ValueError) as error:
        raise _unreadable(url, str(error)) from error
    if not found:
        raise _unreadable(url, "no certificate")
    return found


def _unreadable(url: str, reason: str) -> Unavailable:
    return Unavailable(
        "edge.server_answer_unreadable", f"{url} gave an answer that is none of this protocol: {reason}",
        "Check that the address is a device listener of Lineshaft.", url=url, reason=reason,
    )  # fmt: skip


def _signed(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _fingerprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
