"""Answers of the HTTP API in JSON, as the reference server gives them and its clients read them.

Its oddities are kept here and nowhere else: totals are strings, an answer without values is a success with code 200, a
prefix that is not served here is status 400.
"""

from collections.abc import Iterable
from typing import Any, Final

from lineshaft.resolution import codes
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.values.json_form import value_to_json

Json = dict[str, Any]

_STATUS: Final[dict[int, int]] = {
    codes.RC_SUCCESS: 200,
    codes.RC_ERROR: 500,
    codes.RC_SERVER_BUSY: 503,
    codes.RC_PROTOCOL_ERROR: 400,
    codes.RC_NOT_SUPPORTED: 501,
    codes.RC_SERVER_BACKUP: 503,
    codes.RC_HANDLE_NOT_FOUND: 404,
    codes.RC_HANDLE_EXISTS: 409,
    codes.RC_VALUES_NOT_FOUND: 200,
    codes.RC_VALUE_EXISTS: 409,
    codes.RC_INVALID_ADMIN: 403,
    codes.RC_NOT_PERMITTED: 403,
    codes.RC_AUTHENTICATION_NEEDED: 401,
    codes.RC_AUTHENTICATION_FAILED: 403,
    codes.RC_INVALID_CREDENTIAL: 403,
    codes.RC_AUTHENTICATION_TIMEOUT: 403,
    codes.RC_AUTHENTICATION_ERROR: 403,
}


def status_of(code: int) -> int:
    """The HTTP status that goes with a response code; 400 where none fits better."""
    return _STATUS.get(code, 400)


def resolved(handle: bytes, values: Iterable[HandleValue]) -> Json:
    """Values of a handle; where none of those asked for is there, code 200 and none."""
    found = [value_to_json(value) for value in values]
    if not found:
        return {"responseCode": codes.RC_VALUES_NOT_FOUND, "values": [], "handle": _text(handle)}
    return {"responseCode": codes.RC_SUCCESS, "handle": _text(handle), "values": found}


def about(code: int, handle: bytes, message: str = "") -> Json:
    """What became of a request about a handle, without values."""
    found: Json = {"responseCode": code}
    if message:
        found["message"] = message
    return found | {"handle": _text(handle)}


def handle_page(prefix: bytes, total: int, page: int, size: int, handles: Iterable[bytes]) -> Json:
    """A page of the handles under a prefix; page -1 and size -1: all of them."""
    return {
        "responseCode": codes.RC_SUCCESS, "prefix": _text(prefix), "totalCount": str(total), "page": page,
        "pageSize": size, "handles": [_text(handle) for handle in handles],
    }  # fmt: skip


def prefix_list(prefix_handles: Iterable[bytes]) -> Json:
    """The prefixes that are served, as their handles `0.NA/…`."""
    found = [_text(handle) for handle in prefix_handles]
    return {"responseCode": codes.RC_SUCCESS, "totalCount": str(len(found)), "prefixes": found}


def _text(handle: bytes) -> str:
    return handle.decode("utf-8", "replace")
