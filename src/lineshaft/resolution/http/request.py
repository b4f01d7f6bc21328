"""One request over HTTP as the routes see it, and one answer."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from lineshaft.core.errors import InvalidInput, TooLarge
from lineshaft.resolution.values.json_form import compact

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PEER: Final = "lineshaft.peer"
"""Key of the scope under which a listener with mutual TLS puts the client's certificate (DER; empty without one)."""
LARGEST_BODY: Final = 4 * 2**20
_JSON: Final = (b"content-type", b"application/json;charset=utf-8")


class Request(msgspec.Struct, kw_only=True):
    """A request whose body has not been read yet."""

    method: str
    path: bytes
    """As sent: percent signs not decoded."""
    query: list[tuple[str, str]]
    headers: Mapping[bytes, bytes]
    secure: bool
    source: str
    """Address of the peer."""
    certificate: bytes
    """DER of the client's certificate, as TLS has verified it; empty where there is none."""
    receive: Receive

    def first(self, name: str) -> str | None:
        """The first value of a query parameter; None where it is not given."""
        return next((value for given, value in self.query if given == name), None)

    def all(self, name: str) -> list[str]:
        return [value for given, value in self.query if given == name]

    def flag(self, name: str) -> bool | None:
        """A query parameter that is true or false; None where it is not given.

        Raises:
            InvalidInput: it is neither.
        """
        given = self.first(name)
        if given is None:
            return None
        if given.lower() not in {"true", "false", ""}:
            raise wrong_parameter(name, given, "true or false")
        return given.lower() != "false"

    def number(self, name: str, otherwise: int, most: int) -> int:
        """A query parameter that is a number from -1 to `most`.

        Raises:
            InvalidInput: it is not.
        """
        given = self.first(name)
        if given is None:
            return otherwise
        if not given.removeprefix("-").isdecimal() or len(given) > 12 or not -1 <= int(given) <= most:
            raise wrong_parameter(name, given, f"a number from -1 to {most}")
        return int(given)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return

    async def body(self, most: int = LARGEST_BODY) -> bytes:
        """All of the body.

        Raises:
            TooLarge: it has more than `most` bytes.
        """
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > most:
                raise TooLarge(
                    "resolution.body_too_large", f"the request's body has more than {most} bytes",
                    "Send fewer values, or register handles in a batch.", most=most,
                )  # fmt: skip
        return bytes(found)


class Disconnected(Exception):
    """The client has gone before its request was whole."""


class Answer(msgspec.Struct, kw_only=True):
    """What a route answers."""

    status: int
    body: bytes = b""
    headers: Headers = []
    stream: AsyncIterator[bytes] | None = None
    """The body bit by bit, where it can be long."""


def answer(document: object, status: int = 200, headers: Headers | None = None, *, pretty: bool = False) -> Answer:
    """An answer in JSON."""
    body = json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n" if pretty else compact(document)
    return Answer(status=status, body=body, headers=[_JSON, *(headers or [])])


def read_request(scope: Scope, receive: Receive) -> Request:
    """The request of an ASGI scope.

    Raises:
        InvalidInput: its query is not UTF-8.
    """
    try:
        query = parse_qsl(
            scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=3000
        )
    except ValueError as error:
        raise wrong_parameter("query", "…", "UTF-8, percent-encoded") from error
    client = scope.get("client")
    return Request(
        method=scope["method"], path=path_of(scope), query=query, headers=dict(scope["headers"]),
        secure=scope.get("scheme") == "https", source=client[0] if client else "", certificate=scope.get(PEER, b""),
        receive=receive,
    )  # fmt: skip


def path_of(scope: Scope) -> bytes:
    """The path as it was sent, without the query."""
    raw = scope.get("raw_path")
    found: bytes = raw if raw is not None else scope["path"].encode()
    return found.partition(b"?")[0]


def decoded(path: bytes) -> bytes:
    """A part of a path with its percent signs resolved."""
    return unquote_to_bytes(path) if b"%" in path else path


def wrong_parameter(name: str, value: str, rule: str) -> InvalidInput:
    return InvalidInput(
        "resolution.http_parameter", f"{name} is {value[:100]!r}, and must be {rule}", "Correct the address.",
        field=name, value=value[:100], rule=rule,
    )  # fmt: skip
