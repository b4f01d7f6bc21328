"""Who calls: the principal behind a bearer token or a session's cookie, and whether a browser was sent by our own page."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

from lineshaft.access import Access, Session
from lineshaft.access.browser import COOKIE, CSRF_HEADER, SAFE_METHODS, check_csrf, check_origin
from lineshaft.core.errors import InvalidInput, Unauthenticated
from lineshaft.core.principals import Principal

_LONGEST_CREDENTIAL = 512


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a request, and by what they proved it."""

    principal: Principal
    session: Session | None
    """None for a caller with an API token."""
    credential: str
    """The cookie or token, to prove it again later; never logged, never sent back."""


class Callers:
    """Finds the caller of an ASGI scope.

    Args:
        access: knows sessions and tokens.
        public_url: address of a proxy before this server, whose pages are our own too.
    """

    def __init__(self, access: Access, public_url: str = "") -> None:
        self._access = access
        self._public_origin = "/".join(public_url.split("/")[:3])

    async def identify(self, scope: Mapping[str, Any]) -> Caller:
        """The caller.

        Raises:
            Unauthenticated: no credential, or one that is not or no longer valid.
            InvalidInput: more than one Authorization header, or one that is not Bearer.
        """
        token = _bearer(scope)
        if token is not None:
            return await self._by_token(token)
        cookie = _cookie(scope)
        if cookie is not None:
            return await self._by_session(cookie)
        raise Unauthenticated(
            "web.sign_in_required", "this needs a signed-in user or an API token",
            "Sign in on the page, or send `Authorization: Bearer ls_…`; `lineshaft access token create` makes one.",
        )  # fmt: skip

    async def prove_again(self, caller: Caller) -> Principal:
        """The caller's principal as of now; does not count as use, so an idle session ends although a page is open.

        Raises:
            Unauthenticated: the session or token ended or was revoked meanwhile.
        """
        if caller.session is None:
            return await self._access.principal_of_token(caller.credential)
        principal, _ = await self._access.principal_of_session(caller.credential, touch=False)
        return principal

    def check_request(self, scope: Mapping[str, Any], caller: Caller | None) -> None:
        """Refuse what a foreign site's page made a browser send.

        Raises:
            Forbidden: foreign origin, or an unsafe request with a cookie and without its CSRF token.
        """
        method = scope["method"]
        if method in SAFE_METHODS:
            return
        origin, fetch_site, own = self._browser(scope)
        if caller is not None and caller.session is not None:
            check_csrf(caller.session, method, header(scope, CSRF_HEADER), origin, fetch_site, own)
        else:
            check_origin(origin, fetch_site, own)

    def check_socket(self, scope: Mapping[str, Any], caller: Caller) -> None:
        """The same for a WebSocket, which browsers open to any site and with the cookie.

        Raises:
            Forbidden: foreign origin, or none at all beside a cookie.
        """
        origin, fetch_site, own = self._browser(scope)
        check_origin(origin, fetch_site, own, required=caller.session is not None)

    def _browser(self, scope: Mapping[str, Any]) -> tuple[str | None, str | None, list[str]]:
        """Origin, Sec-Fetch-Site, and the origins that are ours as this request reached us."""
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        own = [f"{scheme}://{header(scope, 'host') or ''}", *filter(None, [self._public_origin])]
        return header(scope, "origin"), header(scope, "sec-fetch-site"), own

    async def _by_token(self, token: str) -> Caller:
        principal = await self._access.principal_of_token(token)
        return Caller(principal=principal, session=None, credential=token)

    async def _by_session(self, cookie: str) -> Caller:
        principal, session = await self._access.principal_of_session(cookie)
        return Caller(principal=principal, session=session, credential=cookie)


def header(scope: Mapping[str, Any], name: str) -> str | None:
    """Value of the first header of that name."""
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), None)


def _bearer(scope: Mapping[str, Any]) -> str | None:
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        return None
    kind, _, token = given[0].partition(" ")
    token = token.strip()
    if len(given) > 1 or kind.lower() != "bearer" or not token or len(token) > _LONGEST_CREDENTIAL:
        raise InvalidInput(
            "web.authorization_invalid", "the Authorization header is not one `Bearer` token",
            "Send `Authorization: Bearer ls_…` once.", field="authorization",
        )  # fmt: skip
    return token


def _cookie(scope: Mapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"cookie" and COOKIE.encode() in value:
            try:
                found = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            except CookieError:
                return None
            if found is not None and 0 < len(found.value) <= _LONGEST_CREDENTIAL:
                return found.value
    return None
