"""Values in JSON, as the reference server's HTTP API writes and reads them.

    {"index": 1, "type": "URL", "data": {"format": "string", "value": "https://…"}, "ttl": 86400,
     "timestamp": "2026-01-01T00:00:00Z", "permissions": "1110", "references": [{"handle": …, "index": …}]}

Formats of data: `string`, `base64`, `hex`, `admin`, `vlist`, `site`, `key`. A time-to-live that is a date is absolute.
Bit strings have the highest bit first. Permissions and references are left out where they are the usual ones.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.resolution.auth import keys
from lineshaft.resolution.model import DEFAULT_PERMISSIONS, TTL_ABSOLUTE, TTL_RELATIVE, HandleValue, Reference
from lineshaft.resolution.site import decode_site, encode_site
from lineshaft.resolution.values.admin import Admin, decode_admin, encode_admin, from_bits, to_bits
from lineshaft.resolution.values.references import decode_references, encode_references
from lineshaft.resolution.values.site_json import site_from_json, site_to_json

Json = dict[str, Any]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SITES: Final = frozenset((b"HS_SITE", b"HS_SITE.6", b"HS_SITE.PREFIX", b"HS_NA_DELEGATE"))
_MOST_SECONDS: Final = 0xFFFFFFFF
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def compact(document: object) -> bytes:
    """JSON without spaces, in UTF-8, as the reference server writes it."""
    return _ENCODER.encode(document).encode()


def value_to_json(value: HandleValue) -> Json:
    """A value in JSON; data that is not what its type promises is base64."""
    found: Json = {
        "index": value.index,
        "type": value.type.decode("utf-8", "replace"),
        "data": data_to_json(value.type, value.data),
    }
    if value.permissions != DEFAULT_PERMISSIONS:
        found["permissions"] = format(value.permissions & 0xF, "04b")
    found["ttl"] = date_text(value.ttl) if value.ttl_type == TTL_ABSOLUTE else value.ttl
    found["timestamp"] = date_text(value.timestamp)
    if value.references:
        found["references"] = [reference_to_json(reference) for reference in value.references]
    return found


def value_from_json(given: object, default_timestamp: int = 0) -> HandleValue:
    """A value from JSON.

    Args:
        given: as parsed.
        default_timestamp: seconds since 1970, where it names none.

    Raises:
        InvalidInput: a field is missing or not what it must be; names the field.
    """
    value = _object(given, "value")
    ttl, ttl_type = _ttl(value.get("ttl", 86_400))
    permissions = value.get("permissions", "1110")
    if not isinstance(permissions, str) or len(permissions) != 4 or set(permissions) - {"0", "1"}:
        raise _wrong("permissions", permissions, "four digits 0 or 1")
    stamp = value.get("timestamp")
    return HandleValue(
        index=_integer(value.get("index"), "index", 1),
        type=_text(value.get("type"), "type").encode(),
        data=data_from_json(value.get("data")),
        ttl=ttl, ttl_type=ttl_type, permissions=int(permissions, 2),
        timestamp=default_timestamp if stamp is None else _date(stamp, "timestamp"),
        references=tuple(_reference_from_json(one) for one in _list(value.get("references", []), "references")),
    )  # fmt: skip


def data_to_json(type_name: bytes, data: bytes) -> Json:
    """A value's data with its format."""
    structured = _WRITERS.get(b"HS_SITE" if type_name.upper() in _SITES else type_name.upper())
    if structured is not None:
        name, write = structured
        try:
            return {"format": name, "value": write(data)}
        except LineshaftError:
            return {"format": "base64", "value": base64.b64encode(data).decode()}
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.search(text):
        return {"format": "base64", "value": base64.b64encode(data).decode()}
    return {"format": "string", "value": text}


def data_from_json(given: object) -> bytes:
    """A value's data; a bare string is text.

    Raises:
        InvalidInput: of no known format, or not in it.
    """
    if isinstance(given, str):
        return given.encode()
    data = _object(given, "data")
    name = data.get("format")
    read = _READERS.get(name) if isinstance(name, str) else None
    if read is None:
        raise _wrong("data.format", name, "one of " + ", ".join(_READERS))
    return read(data.get("value"))


def date_text(seconds: int) -> str:
    """A time in seconds since 1970 as `2026-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _admin_to_json(data: bytes) -> Json:
    admin = decode_admin(data)
    found: Json = {
        "handle": admin.handle.decode("utf-8", "replace"),
        "index": admin.index,
        "permissions": to_bits(admin.permissions),
    }
    if admin.legacy:
        found["legacyByteLength"] = True
    return found


def _admin_from_json(given: object) -> bytes:
    value = _object(given, "data.value")
    return encode_admin(
        Admin(
            handle=_text(value.get("handle"), "data.value.handle").encode(),
            index=_number(value.get("index"), "data.value.index"),
            permissions=from_bits(_text(value.get("permissions"), "data.value.permissions")),
            legacy=value.get("legacyByteLength") is True,
        )
    )


def reference_to_json(reference: Reference) -> Json:
    """A reference in JSON."""
    return {"handle": reference.handle.decode("utf-8", "replace"), "index": reference.index}


def _reference_from_json(given: object) -> Reference:
    value = _object(given, "reference")
    return Reference(_text(value.get("handle"), "handle").encode(), _number(value.get("index"), "index"))


def _base64_from_json(given: object) -> bytes:
    text = _text(given, "data.value")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong("data.value", text, "base64") from error


def _hex_from_json(given: object) -> bytes:
    text = _text(given, "data.value")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise _wrong("data.value", text, "hexadecimal") from error


_WRITERS: Final[dict[bytes, tuple[str, Callable[[bytes], Any]]]] = {
    b"HS_ADMIN": ("admin", _admin_to_json),
    b"HS_VLIST": ("vlist", lambda data: [reference_to_json(one) for one in decode_references(data)]),
    b"HS_SITE": ("site", lambda data: site_to_json(decode_site(data))),
    b"HS_PUBKEY": ("key", lambda data: keys.to_jwk(keys.decode_public_key(data))),
}
_READERS: Final[dict[str, Callable[[object], bytes]]] = {
    "string": lambda given: _text(given, "data.value").encode(),
    "base64": _base64_from_json,
    "hex": _hex_from_json,
    "admin": _admin_from_json,
    "vlist": lambda given: encode_references(_reference_from_json(one) for one in _list(given, "data.value")),
    "site": lambda given: encode_site(site_from_json(given)),
    "key": lambda given: keys.encode_public_key(keys.from_jwk(given)),
}


def _ttl(given: object) -> tuple[int, int]:
    if isinstance(given, str):
        return _date(given, "ttl"), TTL_ABSOLUTE
    return _integer(given, "ttl"), TTL_RELATIVE


def _date(given: object, field: str) -> int:
    text = _text(given, field)
    try:
        moment = datetime.fromisoformat(text)
        seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except ValueError as error:
        raise _wrong(field, text, "a date such as 2026-01-01T00:00:00Z") from error
    if not 0 <= seconds <= _MOST_SECONDS:
        raise _wrong(field, text, "a date between 1970 and 2106")
    return seconds


def _object(given: object, field: str) -> Json:
    if not isinstance(given, dict):
        raise _wrong(field, given, "an object")
    return given


def _list(given: object, field: str) -> list[object]:
    if not isinstance(given, list):
        raise _wrong(field, given, "a list")
    return given


def _text(given: object, field: str) -> str:
    if not isinstance(given, str):
        raise _wrong(field, given, "a string")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise _wrong(field, ascii(given), "text that UTF-8 can hold") from error
    return given


def _integer(given: object, field: str, least: int = 0) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= _MOST_SECONDS:
        raise _wrong(field, given, f"a number from {least} to {_MOST_SECONDS}")
    return given


def _number(given: object, field: str) -> int:
    """As `_integer`; digits in quotes, as some clients write them, are a number, too."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= 10:
        given = int(given)
    return _integer(given, field)


def _wrong(field: str, value: object, rule: str) -> InvalidInput:
    return InvalidInput(
        "resolution.json_value", f"{field} is {str(value)[:100]!r}, and must be {rule}",
        "See the reference of values in JSON.", field=field, value=str(value)[:100], rule=rule,
    )  # fmt: skip
