"""Payloads into documents by their content format, and values into payloads."""

from typing import Any, Final

import cbor2
import msgspec

from lineshaft.edge.drivers.coap.options import Format

NUMBERS: Final[dict[int, Format]] = {0: "text", 50: "json", 60: "cbor", 110: "senml+json", 112: "senml+cbor"}
"""Content formats of the CoAP registry that are read here."""
_BY_FORMAT: Final = {name: number for number, name in NUMBERS.items()}
LONGEST: Final = 1 << 20
"""Bytes of a payload."""


class Undecodable(ValueError):
    """The payload is not what its format says; carries why."""


class Unsupported(ValueError):
    """The payload is of a format that is not read here."""


def format_of(number: int | None, forced: Format) -> Format:
    """The format of a payload from the server's Content-Format, or what the options say instead.

    Raises:
        Unsupported: it is none that is read here.
    """
    if forced:
        return forced
    if number is None:
        return "text"
    if number not in NUMBERS:
        raise Unsupported(f"content format {number} is not read here")
    return NUMBERS[number]


def number_of(kind: Format) -> int:
    """The Content-Format of a format."""
    return _BY_FORMAT[kind]


def read(payload: bytes, kind: Format) -> Any:
    """The document in a payload: a text, or what JSON and CBOR hold.

    Raises:
        Undecodable: it is not of that format, or longer than is taken.
    """
    if len(payload) > LONGEST:
        raise Undecodable(f"it has {len(payload)} bytes, and {LONGEST} are taken")
    try:
        if kind == "text":
            return payload.decode()
        if kind.endswith("json"):
            return msgspec.json.decode(payload)
        return _read_cbor(payload)
    except (ValueError, TypeError, RecursionError, OverflowError, EOFError, cbor2.CBORDecodeError) as error:
        raise Undecodable(f"it is no {kind}: {error}") from error


def _read_cbor(payload: bytes) -> Any:
    """One CBOR item and nothing behind it."""
    import io

    stream = io.BytesIO(payload)
    document = cbor2.CBORDecoder(stream).decode()
    if stream.read(1):
        raise Undecodable("bytes follow behind the item")
    return document


def write(value: Any, kind: Format) -> bytes:
    """A document as a payload."""
    if kind == "text":
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        return text.encode()
    return msgspec.json.encode(value) if kind.endswith("json") else cbor2.dumps(value)
