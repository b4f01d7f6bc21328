"""What the gateway's OPC UA server offers, and to whom. Imports no OPC UA library."""

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.certificates import normal_fingerprint
from lineshaft.edge.model import Device, Point
from lineshaft.edge.parts.model import Document

_FINGERPRINT: Final = 64
_HEXADECIMAL: Final = frozenset("0123456789abcdef")


class OpcUaServerDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Document of the part `opcua_server`. Nobody gets in who is not named: by certificate, and by user name."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 4841
    """0: any free one; the gateway's status says which."""
    users: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Names of secrets on the gateway, each a user name and password that may sign in."""
    clients: Annotated[tuple[str, ...], Meta(min_length=1)]
    """SHA-256 fingerprints of the application certificates of the clients that may connect."""
    points: tuple[str, ...] = ("*",)
    """Which points, as `device/point` with * and ?."""
    samples: Annotated[int, Meta(ge=0, le=20_000_000)] = 1_000_000
    """Newest samples of all points together that history reads can go back to; about 30 bytes each."""

    def offered(self, devices: Iterable[Device]) -> Iterator[tuple[Device, Point]]:
        """The points that are offered."""
        for device in devices:
            for point in device.points:
                if any(fnmatch.fnmatchcase(f"{device.name}/{point.name}", glob) for glob in self.points):
                    yield device, point


def read_document(document: Document) -> OpcUaServerDocument:
    """The document in its own type.

    Raises:
        InvalidInput: names the field, what it is and what it must be.
    """
    try:
        read = msgspec.convert(dict(document), OpcUaServerDocument)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    strange = strange_client(read.clients)
    if strange:
        raise _invalid(strange)
    return read


def strange_client(clients: Iterable[str]) -> str:
    """Which of them is no fingerprint, as a sentence; empty where all are."""
    for client in clients:
        plain = normal_fingerprint(client)
        if len(plain) != _FINGERPRINT or not set(plain) <= _HEXADECIMAL:
            return f"{client!r} in clients is no SHA-256 fingerprint of {_FINGERPRINT} hexadecimal digits"
    return ""


def check(document: Document) -> None:
    """See `edge.parts.check_document`."""
    read_document(document)


def _invalid(reason: str) -> InvalidInput:
    return InvalidInput(
        "edge.opcua_server_invalid", f"the OPC UA server cannot be configured so: {reason}",
        "See docs/opcua-server.md; nothing was changed.", field="document", reason=reason,
    )  # fmt: skip
