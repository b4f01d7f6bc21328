"""The four operations of EST (RFC 7030) as one raw ASGI application on the device listener.

Its answers are those that RFC 7030 prescribes, errors as plain text. Whoever is not let in gets the same answer for
whatever reason; the audit trail tells the reasons apart.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from lineshaft.access.est import encoding
from lineshaft.access.est.encoding import LARGEST_REQUEST
from lineshaft.access.est.messages import Enrol, Enrolled
from lineshaft.core import trace
from lineshaft.core.errors import (
    InvalidInput,
    LineshaftError,
    RequestTimeout,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
)

PEER: Final = "lineshaft.peer"
"""Key of the ASGI scope on the device listener: the client's certificate, DER; empty where it has shown none."""
ROOT: Final = "/.well-known/est/"
CERTIFICATES: Final = "application/pkcs7-mime; smime-type=certs-only"
REFUSED: Final = "Enrolment is refused: show a certificate in force, or name and one-time token (HTTP Basic)."
_BODY_SECONDS: Final = 10.0

Ask = Callable[[Enrol], Awaitable[Enrolled]]
Headers = list[tuple[bytes, bytes]]


class EstEndpoint:
    """Answers under `ROOT`.

    Args:
        ask: asks the access service.
        authorities: PEM file of the certificates that `cacerts` gives.
    """

    def __init__(self, ask: Ask, authorities: Path) -> None:
        self._ask = ask
        self._authorities = authorities
        self._operations = {
            "cacerts": ("GET", self._cacerts), "csrattrs": ("GET", self._csrattrs),
            "simpleenroll": ("POST", self._simpleenroll), "simplereenroll": ("POST", self._simplereenroll),
        }  # fmt: skip

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        trace.begin()
        method, operation = self._operations.get(scope["path"].removeprefix(ROOT), ("", None))
        if operation is None:
            await _say(send, 404, "There is no such operation.")
        elif scope["method"] not in (method, "HEAD" if method == "GET" else method):
            await _say(send, 405, f"Use {method}.", [(b"allow", method.encode())])
        else:
            try:
                kind, der = await operation(scope, receive)
            except LineshaftError as error:
                await _refuse(send, error)
            else:
                await _answer(send, kind, encoding.encode(der))

    async def _cacerts(self, _scope: Any, _receive: Any) -> tuple[str, bytes]:
        text = await asyncio.to_thread(self._authorities.read_text, "ascii")
        return CERTIFICATES, encoding.certs_only(encoding.certificates_in(text))

    async def _csrattrs(self, _scope: Any, _receive: Any) -> tuple[str, bytes]:
        return "application/csrattrs", encoding.CSR_ATTRIBUTES

    async def _simpleenroll(self, scope: Any, receive: Any) -> tuple[str, bytes]:
        return await self._enrol(scope, receive, renew=False)

    async def _simplereenroll(self, scope: Any, receive: Any) -> tuple[str, bytes]:
        return await self._enrol(scope, receive, renew=True)

    async def _enrol(self, scope: Any, receive: Any, *, renew: bool) -> tuple[str, bytes]:
        headers = dict(scope["headers"])
        name, secret = _basic(headers.get(b"authorization", b""))
        if not scope[PEER] and (renew or not secret):  # nothing to look up: the client is told what to bring
            raise Unauthenticated("access.enrolment_refused", REFUSED)
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/pkcs10":
            raise UnsupportedMedia(
                "access.est_media", "the body is not of the type application/pkcs10", "Send a PKCS#10 request."
            )
        request = encoding.decode_request(await _body(headers, receive))
        client = scope.get("client") or ("", 0)
        asked = Enrol(request=request, renew=renew, peer=scope[PEER], name=name, secret=secret, address=client[0])
        return CERTIFICATES, encoding.certs_only([(await self._ask(asked)).certificate])


def _basic(field: bytes) -> tuple[str, str]:
    """(name, one-time token) in an Authorization header; both empty where there is none."""
    kind, _, value = field.partition(b" ")
    if kind.lower() != b"basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name.strip().lower(), secret


async def _body(headers: dict[bytes, bytes], receive: Any) -> bytes:
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > LARGEST_REQUEST:
        raise _too_large()
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise InvalidInput("access.est_cut_short", "the client left before the body was complete", "")
                parts.append(event.get("body", b""))
                more, size = event.get("more_body", False), size + len(parts[-1])
                if size > LARGEST_REQUEST:
                    raise _too_large()
    except TimeoutError:
        raise RequestTimeout(
            "access.est_too_slow", f"the body was not complete after {_BODY_SECONDS:g} s", "Send it faster.",
            seconds=_BODY_SECONDS,
        ) from None  # fmt: skip
    return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge(
        "access.est_too_large", f"the body is larger than {LARGEST_REQUEST:,} bytes", "Send one PKCS#10 request.",
        maximum=LARGEST_REQUEST,
    )  # fmt: skip


async def _answer(send: Any, kind: str, body: bytes) -> None:
    headers = [
        (b"content-type", kind.encode()), (b"content-transfer-encoding", b"base64"),
        (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Any, error: LineshaftError) -> None:
    headers: Headers = []
    if error.status in (401, 408, 413):
        headers.append((b"connection", b"close"))
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b'Basic realm="enrolment"'))
        await _say(send, 401, REFUSED, headers)
        return
    if "retry_seconds" in error.facts:
        headers.append((b"retry-after", str(int(error.facts["retry_seconds"])).encode()))
    await _say(send, error.status, f"{error.message}. {error.hint}".strip(), headers)


async def _say(send: Any, status: int, text: str, headers: Headers | None = None) -> None:
    body = f"{text}\n".encode()
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *(headers or ()),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
