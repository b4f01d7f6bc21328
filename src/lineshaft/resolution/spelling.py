"""Identifiers as people paste them and labels carry them: `hdl:…`, an address of a resolver, percent signs, spaces around.

88.100.1/HELLO · hdl:88.100.1/HELLO · https://hdl.handle.net/88.100.1/HELLO?noredirect · info:hdl/20.500/7
"""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.model import check_handle

_SCHEMES: Final = re.compile(r"(?:info:)?(?:hdl|handle|doi)[:/]/{0,2}", re.IGNORECASE)
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_PREFIX: Final = re.compile(r"[0-9]+(?:\.[^./\s]+)*")
"""What prefixes look like in all number spaces in use: 20.500.12345, 88.100.1, 0.NA."""
_SHOWN: Final = 200


def handle_of(text: str) -> str:
    """The handle that a text means.

    Raises:
        InvalidInput: it means none.
    """
    given = text.strip()
    if _WEB.match(given):
        return _checked(_in_address(given), text)
    short = _SCHEMES.match(given)
    return _checked(given if short is None else unquote(given[short.end() :]), text)


def _in_address(address: str) -> str:
    """The handle in an address of a resolver: from the first part of its path on that looks like a prefix."""
    try:
        parts = unquote(urlsplit(address).path).split("/")
    except ValueError:
        return ""
    at = next((place for place, part in enumerate(parts[:-1]) if _PREFIX.fullmatch(part)), None)
    return "" if at is None else "/".join(parts[at:])


def _checked(handle: str, text: str) -> str:
    prefix, slash, suffix = handle.partition("/")
    if not slash or not suffix or not _PREFIX.fullmatch(prefix) or not handle.isprintable():
        shown = text.strip()[:_SHOWN]
        raise InvalidInput(
            "resolution.identifier_form", f"{shown!r} is not an identifier",
            "An identifier is a prefix of numbers and dots, a slash and the rest, such as 88.100.1/HELLO; hdl: or the "
            "address of a resolver may stand before it.",
            field="identifier", value=shown,
        )  # fmt: skip
    check_handle(handle.encode())
    return handle
