"""The web console: files that a build of `console/` left here, and one page for every address that is the console's own.

Where nothing was built the wrapper is not there, and `site` answers at `/`. No file is looked up by what a client sends:
the folder is listed once for each build, its files are read when they are asked for. Files under `assets` carry a hash in their names and
are kept by browsers for ever; `index.html` is made anew for each visitor, with the nonce that its styles need.
"""

import asyncio
import contextlib
import mimetypes
import secrets
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from lineshaft.web.headers import PERMISSIONS, POLICY

FOLDER: Final = Path(str(resources.files("lineshaft.web"))) / "static"
NONCE: Final = b"__NONCE__"
"""Stands in `index.html` where the nonce goes."""

_PACKED: Final = {".br": b"br", ".gz": b"gzip"}
_FOR_EVER: Final = b"public, max-age=31536000, immutable"
_MINUTES: Final = b"public, max-age=300"
_KINDS: Final = {".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json"}


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file, and its packed forms."""

    file: Path
    kind: bytes
    cache: bytes
    packed: dict[bytes, Path]
    """By content coding, the smallest first."""


class Console:
    """ASGI wrapper: answers for the console's files and pages, and hands on everything else.

    Args:
        app: what stands behind.
        folder: the build.
        reserved: first segments of paths that are never the console's.
    """

    def __init__(self, app: Any, folder: Path, reserved: Collection[str]) -> None:
        self._app = app
        self._reserved = frozenset(reserved)
        self._folder = folder
        self._built = 0
        self._index = b""
        self._assets: dict[str, Asset] = {}
        self._look()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            asset = self._assets.get(scope["path"])
            if asset is not None:
                with contextlib.suppress(FileNotFoundError):  # a newer build took it away
                    await _send_asset(asset, scope, send)
                    return
            if self._is_page(scope):
                await self._send_index(scope, send)
                return
        await self._app(scope, receive, send)

    def _is_page(self, scope: Any) -> bool:
        """Whether a browser asks for a page, at a path where nothing else is."""
        if scope["path"] == "/":
            return True
        first = scope["path"].partition("/")[2].partition("/")[0]  # a path may have no "/" at all: "*"
        return first not in self._reserved and not first.startswith(".") and b"text/html" in _header(scope, b"accept")

    def _look(self) -> None:
        """Take a new build, where there is one since the last look."""
        index = self._folder / "index.html"
        built = index.stat().st_mtime_ns
        if built != self._built:
            self._built, self._index, self._assets = built, index.read_bytes(), _listed(self._folder)

    async def _send_index(self, scope: Any, send: Any) -> None:
        with contextlib.suppress(FileNotFoundError):  # a build is under way: the page of the last one will do
            await asyncio.to_thread(self._look)
        nonce = secrets.token_urlsafe(18)
        policy = POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")
        body = self._index.replace(NONCE, nonce.encode())
        headers = [
            (b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", policy.encode()),
            (b"permissions-policy", PERMISSIONS.replace("camera=()", "camera=(self)").encode()),
        ]  # fmt: skip
        await _send(scope, send, headers, body)


def built(folder: Path) -> bool:
    """Whether there is a console in this folder."""
    return (folder / "index.html").is_file()


def _listed(folder: Path) -> dict[str, Asset]:
    """What is served, by path: neither the page itself nor packed forms nor the build's own notes."""
    names = {file: file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    return {
        f"/{name}": _asset(folder, file)
        for file, name in names.items()
        if file.suffix not in (*_PACKED, ".html") and not name.startswith(".")
    }


def _asset(folder: Path, file: Path) -> Asset:
    packed = {coding: file.with_name(file.name + suffix) for suffix, coding in _PACKED.items()}
    kind = _KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    hashed = file.relative_to(folder).parts[0] == "assets"
    return Asset(
        file=file, kind=kind.encode(), cache=_FOR_EVER if hashed else _MINUTES,
        packed={coding: path for coding, path in packed.items() if path.is_file()},
    )  # fmt: skip


async def _send_asset(asset: Asset, scope: Any, send: Any) -> None:
    accepted = _accepted(_header(scope, b"accept-encoding"))
    coding = next((coding for coding in asset.packed if coding in accepted), None)
    body = await asyncio.to_thread((asset.packed[coding] if coding else asset.file).read_bytes)
    headers = [(b"content-type", asset.kind), (b"cache-control", asset.cache), (b"vary", b"accept-encoding")]
    if coding is not None:
        headers.append((b"content-encoding", coding))
    await _send(scope, send, headers, body)


def _accepted(header: bytes) -> set[bytes]:
    """The content codings that a client names and does not refuse (`q=0`, RFC 9110 section 12.4.2)."""
    found = set()
    for part in header.lower().split(b","):
        coding, _, weight = part.partition(b";")
        name, _, value = weight.partition(b"=")
        if name.strip() != b"q" or value.strip().strip(b"0.") != b"":
            found.add(coding.strip())
    return found


async def _send(scope: Any, send: Any, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _header(scope: Any, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
