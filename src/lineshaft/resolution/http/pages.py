"""`/{handle}` for somebody with a browser: sent on to where the record says, or shown its values.

A URL value or a 10320/loc value sends on (302); `?noredirect` shows the values instead, `?index=` and `?type=` choose among
them, `?locatt=name:value` chooses among locations. Only addresses of the web are gone to.
"""

import html
import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.http.handles import Handles, indexes_of
from lineshaft.resolution.http.request import Answer, Request, decoded
from lineshaft.resolution.model import HandleValue, matches_type
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.values.json_form import date_text, value_to_json
from lineshaft.resolution.values.location import choose, decode_locations

_HTML: Final = [
    (b"content-type", b"text/html; charset=utf-8"), (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"), (b"referrer-policy", b"no-referrer"),
]  # fmt: skip
_SCHEMES: Final = frozenset(("http", "https", "ftp"))
_SAFE: Final = ":/?#[]@!$&'()*+,;=%-._~"
_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px system-ui;margin:2rem auto;max-width:60rem}}td,th{{text-align:left;padding:.3rem .8rem .3rem 0;
vertical-align:top;overflow-wrap:anywhere}}</style><h1>{title}</h1>{body}"""


async def answer_page(request: Request, handles: Handles) -> Answer:
    """A redirection, or a page with the public values.

    Raises:
        Refused: no such operation.
    """
    if request.method not in {"GET", "HEAD"}:
        raise Refused(codes.RC_NOT_SUPPORTED)
    handle = decoded(request.path[1:])
    shown = handle.decode("utf-8", "replace")
    try:
        values = _chosen(await handles.record(handle, request), request)
    except Refused as refused:
        if b"text/html" not in request.headers.get(b"accept", b"text/html"):
            raise
        return _page(
            404 if refused.code in _NOT_THERE else 400,
            shown,
            f"<p>{html.escape(_WORDS.get(refused.code, str(refused)))}</p>",
        )
    target = None if request.first("noredirect") is not None else _target(values, request)
    if target is not None:
        return Answer(status=302, headers=[*_HTML, (b"location", target.encode("ascii"))])
    rows = "".join(_row(value) for value in values)
    head = "<tr><th>Index<th>Type<th>Changed<th>Value"
    return _page(200, shown, f"<table>{head}{rows}</table>" if values else "<p>There are no such values.</p>")


_NOT_THERE: Final = frozenset((codes.RC_HANDLE_NOT_FOUND, codes.RC_INVALID_HANDLE, codes.RC_NOT_RESPONSIBLE))
_WORDS: Final = {
    codes.RC_HANDLE_NOT_FOUND: "There is no such handle.",
    codes.RC_INVALID_HANDLE: "This is not a handle.",
    codes.RC_NOT_RESPONSIBLE: "Another server has the handles of this prefix.",
}


def _chosen(values: Sequence[HandleValue], request: Request) -> list[HandleValue]:
    indexes, types = indexes_of(request), [one.encode() for one in request.all("type")]
    return [
        value for value in values
        if value.public
        and (not (indexes or types) or value.index in indexes or any(matches_type(one, value.type) for one in types))
    ]  # fmt: skip


def _target(values: Sequence[HandleValue], request: Request) -> str | None:
    """Where to send somebody: by 10320/loc, else by the URL with the smallest index."""
    attributes = dict(one.partition(":")[::2] for one in request.all("locatt"))
    for value in values:
        if value.type.upper() == b"10320/LOC":
            try:
                location = choose(
                    decode_locations(value.data), attributes=attributes, country=attributes.get("country", "")
                )
            except LineshaftError:
                continue
            if location is not None and (found := _address(location.href)) is not None:
                return found
    for value in sorted(values, key=lambda one: one.index):
        if value.type.upper() == b"URL" and (found := _address(value.data.decode("utf-8", "replace"))) is not None:
            return found
    return None


def _address(text: str) -> str | None:
    """An address of the web in ASCII; None for anything else."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in _SCHEMES or not parts.netloc:
        return None
    return quote(text.strip(), safe=_SAFE)


def _row(value: HandleValue) -> str:
    data = value_to_json(value)["data"]["value"]
    shown = html.escape(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))
    name = html.escape(value.type.decode("utf-8", "replace"))
    return f"<tr><td>{value.index}<td>{name}<td>{date_text(value.timestamp)}<td>{shown}"


def _page(status: int, title: str, body: str) -> Answer:
    return Answer(status=status, headers=[*_HTML], body=_PAGE.format(title=html.escape(title), body=body).encode())
