"""What keeps a browser's session its own: the cookie, the CSRF token, the origin check, redirects that stay here.

Pure functions for the web server; they know no framework.
"""

import base64
import hashlib
import hmac
from collections.abc import Collection
from typing import Final

from lineshaft.access.model import Session
from lineshaft.core.errors import Forbidden

COOKIE: Final = "lineshaft_session"
CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_of(cookie: str) -> str:
    """A session's CSRF token. Made from the cookie, so it needs no storage and tells nothing of the cookie."""
    digest = hmac.digest(cookie.encode(), b"lineshaft csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def set_cookie(cookie: str, *, secure: bool, seconds: int) -> str:
    """Value of the `Set-Cookie` header that gives a session to the browser; `secure` wherever TLS is spoken."""
    return f"{COOKIE}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def clear_cookie(*, secure: bool) -> str:
    """Value of the `Set-Cookie` header that takes the session away."""
    return set_cookie("", secure=secure, seconds=0)


def over_tls(scheme: str, host: str | None, origin: str | None, public_origin: str) -> bool | None:
    """Whether the browser speaks TLS, with us or with a proxy before us; None where the request does not tell."""
    if scheme == "https" or (origin or "").startswith("https://"):
        return True
    if origin is not None or not public_origin.startswith("https://"):
        return False
    if (host or "").lower() == public_origin.removeprefix("https://").lower():
        return True
    return None


def check_origin(origin: str | None, fetch_site: str | None, own: Collection[str], *, required: bool = False) -> None:
    """Refuse a request that another site's page sent.

    Args:
        origin: the `Origin` header. Browsers send it with every unsafe request and every WebSocket.
        fetch_site: the `Sec-Fetch-Site` header.
        own: origins of this server, such as `https://plant.example:8420`.
        required: refuse where the header is absent (WebSockets with a cookie).

    Raises:
        Forbidden: foreign, `null`, or absent where required.
    """
    foreign = origin is not None and origin.lower() not in {one.lower() for one in own}
    if foreign or (origin is None and (required or fetch_site not in (None, "same-origin", "none"))):
        raise Forbidden(
            "access.origin_foreign", f"the request comes from {origin or 'a page that does not say where it is from'}",
            "Use this server's own pages; programs use an API token instead of a cookie.", origin=origin or "",
        )  # fmt: skip


def check_csrf(
    session: Session, method: str, header: str | None, origin: str | None, fetch_site: str | None, own: Collection[str]
) -> None:
    """Refuse an unsafe request that carries a session's cookie but was not made by our own page.

    Call it for every request authenticated by cookie; safe methods pass. Arguments as `check_origin`; `header` is the
    `X-CSRF-Token` header.

    Raises:
        Forbidden: foreign origin, or a missing or wrong CSRF token.
    """
    if method.upper() in SAFE_METHODS:
        return
    check_origin(origin, fetch_site, own)
    if not hmac.compare_digest((header or "").encode(), session.csrf.encode()):
        raise Forbidden(
            "access.csrf_refused", f"the request lacks this session's {CSRF_HEADER} header",
            f"Send the value that sign-in and GET /api/v1/access/session return as `csrf` in the header {CSRF_HEADER}.",
            field=CSRF_HEADER,
        )  # fmt: skip


def local_path(target: str | None) -> str:
    """Where to go after signing in: a path of this server, or `/` for anything else, so that no link leads elsewhere."""
    if (
        not target or not target.startswith("/") or target.startswith("//")
        or "\\" in target or any(ord(character) < 0x21 or ord(character) == 0x7F for character in target)
    ):  # fmt: skip
        return "/"
    return target
