"""Who asks over HTTP: a password, a client certificate, or a proof over a session's nonce.

    Authorization: Basic base64(300%3A88.1/ADMIN:secret)
    Authorization: Handle clientCert="true"
    Authorization: Handle sessionId="…", id="300:88.1/ADMIN", type="HS_SECKEY", cnonce="…", alg="HMAC-SHA256", signature="…"
    Authorization: Handle sessionId="…"                        where that session was proved before

The proof is over nonce ‖ cnonce; a cnonce has 8 to 19 bytes. A secret never passes over plain HTTP: there only a proof is taken, and from this machine.
"""

import base64
import binascii
import re
import secrets
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from lineshaft.core import clock, suites
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.auth.challenges import PUBLIC_KEY, SECRET_KEY, Pending, answer_with_secret
from lineshaft.resolution.fields import counted, u32
from lineshaft.resolution.http.request import Request
from lineshaft.resolution.http.sessions import HttpSession, HttpSessions
from lineshaft.resolution.messages import AnswerChallenge, Empty
from lineshaft.resolution.model import Reference, handle_key
from lineshaft.resolution.node import Node
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.wire import Digest, Envelope, Header, Message

_PARAMETER: Final = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^",\s]*))\s*(?:,|$)')
_FORMS: Final = {
    "SHA1": codes.SHA1, "SHA256": codes.SHA256, "HMACSHA1": codes.HMAC_SHA1, "HMACSHA256": codes.HMAC_SHA256,
    "PBKDF2WITHHMACSHA1": codes.PBKDF2_HMAC_SHA1, "PBKDF2HMACSHA1": codes.PBKDF2_HMAC_SHA1,
}  # fmt: skip
_NOT_ASKED: Final = Message(envelope=Envelope(), header=Header(operation=0), body=Empty())
"""Stands for the request of a challenge: over HTTP the proof is over nonces alone."""
_CLIENT_NONCE: Final = range(8, 20)
"""Bytes of a cnonce. In the native protocol a proof is over a nonce and a digest of 20 or 32 bytes: were that much taken
here, a server that somebody proves himself to could bring the proof here as its own, behind however long a nonce."""
_LOOPBACK: Final = ("127.", "::1", "::ffff:127.")


class Authorization:
    """Finds out who asks, for one worker of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.sessions = HttpSessions()

    async def identity(self, request: Request) -> Reference | None:
        """Who asks; None where the request does not say.

        Raises:
            Refused: 402 a secret came over plain HTTP; 403 not proved.
        """
        given = request.headers.get(b"authorization")
        if given is None:
            return None
        scheme, _, rest = given.decode("latin-1").strip().partition(" ")
        if scheme.lower() == "basic":
            return await self._by_password(request, rest.strip())
        if scheme.lower() != "handle":
            raise Refused(codes.RC_AUTHENTICATION_FAILED, "say who asks by Basic or Handle")
        parameters = parameters_of(rest)
        if parameters.get("clientcert", "").lower() == "true":
            return await self._by_certificate(request)
        return await self.in_session(request, parameters)

    def may_write(self, request: Request) -> bool:
        """Whether this connection is one that changes may come by: TLS, or a proof without a secret on this machine."""
        if request.secure:
            return True
        scheme = request.headers.get(b"authorization", b"").strip()[:7].lower()
        return scheme == b"handle " and request.source.startswith(_LOOPBACK)

    async def in_session(self, request: Request, parameters: dict[str, str]) -> Reference | None:
        """Who has proved to ask in a session, now or before; None where nobody has yet.

        Raises:
            Refused: 403.
        """
        now = clock.monotonic()
        session = self.sessions.find(parameters.get("sessionid", ""), request.source, now)
        if session is None:
            raise Refused(codes.RC_AUTHENTICATION_FAILED, "there is no such session")
        if "signature" not in parameters:
            return session.identity
        try:
            who, body, pending = _proof(parameters, session)
        except (ValueError, KeyError, binascii.Error) as error:
            raise Refused(codes.RC_AUTHENTICATION_FAILED, "the proof is not complete") from error
        await self._node.identities.prove_directly(body, pending, request.source)
        self.sessions.prove(session, who, now)
        return who

    async def _by_password(self, request: Request, given: str) -> Reference:
        if not request.secure:
            raise Refused(codes.RC_AUTHENTICATION_NEEDED)
        try:
            name, found, secret = base64.b64decode(given, validate=True).partition(b":")
            who = reference_from(name.decode())
        except ValueError as error:  # binascii.Error and UnicodeDecodeError are some
            raise Refused(codes.RC_AUTHENTICATION_FAILED) from error
        if not found:
            raise Refused(codes.RC_AUTHENTICATION_FAILED)
        if self._node.store.get(handle_key(who.handle)) is not None:
            await self._node.identities.check_password(who, secret, request.source)
            return who
        pending = _pending(secrets.token_bytes(16), secrets.token_bytes(32), request.source)
        body = answer_with_secret(who.handle, who.index, secret, pending.challenged)
        return await self._node.identities.prove_directly(body, pending, request.source)

    async def _by_certificate(self, request: Request) -> Reference:
        if not request.certificate:
            raise Refused(codes.RC_AUTHENTICATION_FAILED, "the connection has shown no client certificate")
        try:
            certificate = x509.load_der_x509_certificate(request.certificate)
            who = _named_in(certificate)
            key = certificate.public_key()
            if isinstance(key, rsa.RSAPublicKey):
                await self._node.identities.check_key(who, key, request.source)
            else:
                der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                await self._node.identities.check_key(who, suites.PublicKey(der), request.source)
        except (ValueError, LineshaftError) as error:
            raise Refused(codes.RC_AUTHENTICATION_FAILED, "the client certificate names no index and handle") from error
        return who


def parameters_of(text: str) -> dict[str, str]:
    """`name="value", …` with the names in lower case."""
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(text)}


def reference_from(text: str) -> Reference:
    """`300:88.1/ADMIN`, with percent signs resolved.

    Raises:
        ValueError: not in this form.
    """
    index, found, handle = unquote_to_bytes(text).partition(b":")
    if not found or not index.isdigit() or len(index) > 10 or handle.find(b"/") < 1:
        raise ValueError(text)
    handle.decode()
    return Reference(handle, int(index))


def _named_in(certificate: x509.Certificate) -> Reference:
    """Whom a certificate names: user id, else common name."""
    for kind in (NameOID.USER_ID, NameOID.COMMON_NAME):
        for attribute in certificate.subject.get_attributes_for_oid(kind):
            try:
                return reference_from(str(attribute.value))
            except ValueError:
                continue
    raise ValueError(certificate.subject.rfc4514_string())


def _proof(parameters: dict[str, str], session: HttpSession) -> tuple[Reference, AnswerChallenge, Pending]:
    who = reference_from(parameters["id"])
    kind = parameters.get("type", "HS_PUBKEY").upper().encode()
    signature = base64.b64decode(parameters["signature"], validate=True)
    algorithm = parameters.get("alg", "SHA256").upper()
    client_nonce = base64.b64decode(parameters["cnonce"], validate=True)
    if len(client_nonce) not in _CLIENT_NONCE:
        raise ValueError("cnonce")
    pending = _pending(session.nonce, client_nonce, session.source)
    if kind == PUBLIC_KEY:
        proof = counted(algorithm.encode()) + counted(signature)
    elif kind == SECRET_KEY:
        form = _FORMS[algorithm.replace("-", "").replace("_", "")]
        if form == codes.PBKDF2_HMAC_SHA1:
            salt = base64.b64decode(parameters["salt"], validate=True)
            signature = (
                counted(salt)
                + u32(_u32(parameters, "iterations"))
                + u32(_u32(parameters, "length"))
                + counted(base64.b64decode(parameters["signature"]))
            )
        proof = bytes((form,)) + signature
    else:
        raise ValueError(kind)
    return who, AnswerChallenge(kind, who.handle, who.index, proof), pending


def _u32(parameters: dict[str, str], name: str) -> int:
    number = int(parameters[name])
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(name)
    return number


def _pending(nonce: bytes, client_nonce: bytes, source: str) -> Pending:
    return Pending(
        request=_NOT_ASKED,
        nonce=nonce,
        digest=Digest(codes.SHA256, client_nonce),
        source=source,
        expires=clock.monotonic() + 60,
    )
