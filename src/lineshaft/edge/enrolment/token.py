"""The text that an administrator carries from the server to the machine: address, authority, name, one-time secret."""

import base64
import binascii
from typing import Final
from urllib.parse import urlsplit

import msgspec

from lineshaft.core.errors import InvalidInput

_PREFIX: Final = "lse1."
_HEX: Final = frozenset("0123456789abcdef")


class EnrolmentToken(
    msgspec.Struct, frozen=True, kw_only=True, rename={"url": "u", "authority": "a", "name": "n", "secret": "s"}
):
    """What stands in a token."""

    url: str
    """Of the device listener, https."""
    authority: str
    """SHA-256 of the server's root certificate, hexadecimal."""
    name: str
    secret: str


def encode(token: EnrolmentToken) -> str:
    """The token as one word."""
    return _PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def decode(text: str) -> EnrolmentToken:
    """What a token says.

    Raises:
        InvalidInput: it is none, or not all of one.
    """
    body = text.strip().removeprefix(_PREFIX)
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=EnrolmentToken)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    parts = urlsplit(token.url)
    if parts.scheme != "https" or not parts.hostname or len(token.authority) != 64 or not set(token.authority) <= _HEX:
        raise _invalid()
    return token


def _invalid() -> InvalidInput:
    return InvalidInput(
        "edge.enrolment_token_invalid", "that is not an enrolment token, or not all of one",
        "Copy the whole word that `lineshaft edge invite` printed; it begins with lse1.", field="token",
    )  # fmt: skip
