"""HTTP helpers that know no framework: problem documents, cursors, entity tags."""

import base64
import hashlib
from typing import Any

import msgspec

from lineshaft.core.errors import InvalidInput, LineshaftError, PreconditionFailed, from_wire

PROBLEM_JSON = "application/problem+json"
DEFAULT_PAGE = 100
MAXIMUM_PAGE = 1000


def problem(error: LineshaftError, language: str = "en", instance: str = "") -> dict[str, Any]:
    """RFC 9457 problem document; `code`, `hint` and `facts` are extension members."""
    message, hint = error.text(language)
    document = {
        "type": f"urn:lineshaft:error:{error.code}",
        "title": message,
        "status": error.status,
        "code": error.code,
        "hint": hint,
        "facts": {key: _plain(value) for key, value in error.facts.items()},
    }
    if instance:
        document["instance"] = instance
    return document


def error_from_problem(document: dict[str, Any]) -> LineshaftError:
    """The error that a problem document was made from, on the client's side."""
    return from_wire(
        str(document.get("code", "core.unknown")), str(document.get("title", "")), str(document.get("hint", "")),
        int(document.get("status", 500)), dict(document.get("facts") or {}),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def encode_cursor(*position: Any) -> str:
    """An opaque cursor of the last row's sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> list[Any]:
    """The sort key inside a cursor; its parts are of these types, where they are given.

    Raises:
        InvalidInput: not a cursor of ours, or of another list.
    """
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        position = None
    if not isinstance(position, list) or (kinds and tuple(map(type, position)) != kinds):
        raise InvalidInput(
            "core.cursor_invalid", f"cursor {cursor[:40]!r} is not one that this server gave",
            "Pass `next` of the previous page unchanged, or start without a cursor.", field="cursor", value=cursor[:40],
        )  # fmt: skip
    return position


def check_limit(limit: int) -> int:
    """A page size within 1 … MAXIMUM_PAGE, returned unchanged."""
    if not 1 <= limit <= MAXIMUM_PAGE:
        raise InvalidInput(
            "core.limit_out_of_range", f"limit is {limit}, outside 1 to {MAXIMUM_PAGE}",
            "Ask for several pages.", field="limit", value=limit, maximum=MAXIMUM_PAGE,
        )  # fmt: skip
    return limit


def etag(document: Any) -> str:
    """Strong entity tag of a JSON-able object."""
    return f'"{hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()[:32]}"'


def check_match(if_match: str | None, current: str) -> None:
    """Refuse a change of an object that changed since the caller read it (RFC 9110 13.1.1).

    Raises:
        PreconditionFailed: `If-Match` names another version.
    """
    if if_match is None or if_match.strip() == "*":
        return
    if current not in [tag.strip() for tag in if_match.split(",")]:
        raise PreconditionFailed(
            "core.changed_meanwhile", "the object changed since you read it",
            "Read it again, repeat your change on the new version, and send that version's ETag.", current=current,
        )  # fmt: skip
