"""Who calls: the principal behind a bearer token or a session's cookie, and whether a browser was sent by our own page."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

from lineshaft.access import Access, Session
from lineshaft.access.browser import (
    COOKIE,
    CSRF_HEADER,
    SAFE_METHODS,
    check_csrf,
    check_origin,
    over_tls,
    set_cookie,
)
from lineshaft.access.est.endpoint import PEER
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, Unauthenticated, Unavailable
from lineshaft.core.principals import Principal

_LONGEST_CREDENTIAL = 512


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a request, and by what they proved it."""

    principal: Principal
    session: Session | None
    """None for a caller with an API token."""
    credential: str
    """The cookie or token, to prove it again later; never logged, never sent back. Empty with a certificate alone."""
    certificate: bytes = b""
    """What the caller has shown on the device listener, DER."""


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
        if PEER in scope:
            return await self._by_certificate(scope, token)
        if token is not None:
            return await self._by_token(scope, token)
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
        if caller.certificate:
            shown = await self._access.principal_of_certificate(caller.certificate)
            if not caller.credential:
                return shown
        if caller.session is None:
            return await self._access.principal_of_token(caller.credential)
        return await self._access.principal_of_open_session(caller.session.id)

    async def renewed_cookie(self, scope: Mapping[str, Any], caller: Caller) -> str | None:
        """Value of a `Set-Cookie` header with the session's new cookie, where it is time for one."""
        if caller.session is None or not caller.session.due:
            return None
        secure = over_tls(scope["scheme"], header(scope, "host"), header(scope, "origin"), self._public_origin)
        if secure is None:
            return None
        try:
            cookie = await self._access.renew_session(caller.credential)
        except Unavailable:  # the records take nothing now; the old one is as good until they do
            return None
        if cookie is None:
            return None
        seconds = max(0, (caller.session.expires - clock.now_us()) // clock.MICROSECONDS)
        return set_cookie(cookie, secure=secure, seconds=seconds)

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

    async def _by_token(self, scope: Mapping[str, Any], token: str) -> Caller:
        try:
            principal = await self._access.principal_of_token(token)
        except Unauthenticated as error:
            await self._access.note_refused_token(token, (scope.get("client") or ("", 0))[0], error.code)
            raise
        return Caller(principal=principal, session=None, credential=token)

    async def _by_certificate(self, scope: Mapping[str, Any], token: str | None) -> Caller:
        """On the device listener the certificate is the proof; a token beside it may only narrow what it allows."""
        certificate: bytes = scope[PEER]
        if not certificate:
            raise certificate_required()
        principal = await self._access.principal_of_certificate(certificate)
        if token is None:
            return Caller(principal=principal, session=None, credential="", certificate=certificate)
        caller = await self._by_token(scope, token)
        if caller.principal.id != principal.id:
            raise Unauthenticated(
                "web.token_of_another", "the API token belongs to another principal than the client certificate",
                "Send the token of the principal whose certificate this is, or none.",
            )  # fmt: skip
        narrowed = msgspec.structs.replace(caller.principal, keys=principal.keys)
        return msgspec.structs.replace(caller, principal=narrowed, certificate=certificate)

    async def _by_session(self, cookie: str) -> Caller:
        principal, session = await self._access.principal_of_session(cookie)
        return Caller(principal=principal, session=session, credential=cookie)


def certificate_required() -> Unauthenticated:
    """What whoever shows no certificate hears on the device listener."""
    return Unauthenticated(
        "web.certificate_required", "this listener needs a client certificate",
        "Enrol for one (EST at /.well-known/est, or `lineshaft edge enrol`), or use the listener for people.",
    )  # fmt: skip


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
