"""The pages: a handful of files of ours, read once, each with its ETag. No file is looked up by what a client sends."""

import hashlib
from importlib import resources

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_PAGES = {"index.html": "/", "docs.html": "/api/docs"}
_WHY = "the page itself holds no data: its scripts sign in and ask the interface"


def _route(name: str, path: str) -> HTTPRouteHandler:
    content = resources.files(__package__).joinpath("pages", name).read_bytes()
    headers = {"etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', "cache-control": "no-cache"}
    kind = _KINDS[name.rsplit(".", 1)[1]]

    @get(path, opt={"public": _WHY}, include_in_schema=False, sync_to_thread=False, name=f"page:{name}")
    def page() -> Response[bytes]:
        return Response(content, media_type=kind, headers=headers)

    return page


def routes() -> list[HTTPRouteHandler]:
    """A route for every file under `pages`."""
    names = sorted(entry.name for entry in resources.files(__package__).joinpath("pages").iterdir() if entry.is_file())
    return [_route(name, _PAGES.get(name, f"/pages/{name}")) for name in names]
