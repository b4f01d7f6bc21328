"""Questions by HTTP, where a server has no other way in: public resolutions, by the reference server's JSON API.

Over HTTPS the server proves itself by the key that its site's description gives, as servers of this protocol have
certificates of their own making; where none is known, by a certificate that the machine trusts.
"""

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lineshaft.core import suites
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client.waiting import Question
from lineshaft.resolution.messages import Body, Refusal, Resolve, Resolved
from lineshaft.resolution.site import HTTPS, Server
from lineshaft.resolution.values.json_form import value_from_json
from lineshaft.resolution.wire import Message

if TYPE_CHECKING:
    import httpx

_MOST_BYTES: Final = 4 * codes.MAX_MESSAGE_BYTES
UNPACKED: Final = {"accept-encoding": "identity"}
"""Headers of requests whose answers are read with `read_body`."""


class HttpChannel:
    """Connections to one server's port.

    Args:
        server: whose.
        port: of it.
        protocol: `HTTP` or `HTTPS`.
        seconds: to wait for an answer.
    """

    def __init__(self, server: Server, port: int, protocol: int, seconds: float) -> None:
        import httpx

        self._key = server.public_key if protocol == HTTPS else b""
        self._seconds = seconds
        host = f"[{server.address}]" if ":" in server.address else server.address
        self._client = httpx.AsyncClient(
            base_url=f"{'https' if protocol == HTTPS else 'http'}://{host}:{port}", timeout=seconds, trust_env=False,
            verify=pinned() if self._key else True, follow_redirects=False, headers=UNPACKED,
        )  # fmt: skip

    async def ask(self, question: Question) -> list[Message]:
        """Ask, where the question is one that this way takes.

        Raises:
            OSError: it cannot be reached, is another server, or does not answer the question. TimeoutError: no answer.
        """
        import httpx

        request = wire.decode(question.data)
        if not isinstance(request.body, Resolve) or request.header.flags & codes.CERTIFIED:
            raise ConnectionError("the server has only HTTP, which takes neither this request nor signs answers")
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream("GET", _path(request, request.body)) as answer,
            ):
                if self._key and self._key != _key_of(answer):
                    raise ConnectionError(
                        "the server's certificate is not of the key that its site's description gives"
                    )
                body = await read_body(answer, _MOST_BYTES)
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        except httpx.HTTPError as error:
            raise ConnectionError(str(error)) from error
        message = _message(request, body)
        accepted = question.accept(message)
        if accepted is None:
            raise ConnectionError("the server's answer is not one to the question")
        return [accepted]

    async def close(self) -> None:
        await self._client.aclose()


def _path(request: Message, body: Resolve) -> str:
    wanted = [f"type={quote(one, safe='')}" for one in body.types] + [f"index={one}" for one in body.indexes]
    wanted.append("publicOnly=true")
    if request.header.flags & codes.AUTHORITATIVE:
        wanted.append("auth=true")
    return f"/api/handles/{quoted(body.handle)}?{'&'.join(wanted)}"


def quoted(handle: bytes, safe: str = "/") -> str:
    """A handle as the end of an address's path.

    Raises:
        ConnectionError: it has a part that is `.` or `..`. By those an address leads to other folders, so that a record
            could name anything on a server; percent signs do not keep servers from it (RFC 3986, 6.2.2).
    """
    if not {b".", b".."}.isdisjoint(handle.split(b"/")):
        raise ConnectionError("a handle with a part that is . or .. is not asked about by HTTP")
    return quote(handle, safe=safe)


async def read_body(answer: "httpx.Response", most: int) -> bytes:
    """The body of an answer that is being read, by a client that asks for `UNPACKED`.

    Raises:
        ConnectionError: it is too long, or packed all the same: little that is packed can be very much.
    """
    if "content-encoding" in answer.headers:
        raise ConnectionError("the server packs its answer, which was not asked for")
    found = bytearray()
    async for part in answer.aiter_raw():
        found += part
        if len(found) > most:
            raise ConnectionError(f"the server's answer has more than {most} bytes")
    return bytes(found)


def _message(request: Message, answer: bytes) -> bytes:
    """The message that an answer in JSON stands for.

    Raises:
        ConnectionError: it stands for none.
    """
    try:
        given: dict[str, Any] = json.loads(answer)
        code = int(given["responseCode"])
        body: Body = Refusal(str(given.get("message", "")))
        if code == codes.RC_SUCCESS:
            values = tuple(value for value in map(value_from_json, given["values"]) if value.public)
            body = Resolved(str(given["handle"]).encode(), values)
    except (ValueError, LookupError, TypeError, RecursionError, LineshaftError) as error:
        raise ConnectionError(f"the server's answer by HTTP cannot be read: {error}") from error
    return wire.encode(wire.reply(request, code, body, serial=codes.NO_SERIAL, expiration=0))


def pinned() -> ssl.SSLContext:
    """A context for a server that is known by its key, which is compared afterwards."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _key_of(answer: "httpx.Response") -> bytes:
    """The key of the certificate that the server showed, as HS_PUBKEY holds it."""
    tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    if not shown:
        return b""
    key = x509.load_der_x509_certificate(shown).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return keys.encode_public_key(key)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        return keys.encode_public_key(suites.PublicKey(der))
    except LineshaftError:
        return b""
