"""What routes that sign people in share: the answer with the new cookie, and what they know of the browser."""

from typing import Any

from litestar import Request, Response

from lineshaft.access.browser import over_tls, set_cookie
from lineshaft.access.model import SignedIn
from lineshaft.access.views import SessionView, signed_in_view
from lineshaft.core import clock

AnyRequest = Request[Any, Any, Any]


def admitted(request: AnyRequest, signed_in: SignedIn) -> Response[SessionView]:
    """The answer that gives a browser its new session."""
    cookie = session_cookie(signed_in, secure=is_secure(request))
    return Response(signed_in_view(signed_in), headers={"set-cookie": cookie})


def session_cookie(signed_in: SignedIn, *, secure: bool) -> str:
    """Value of the `Set-Cookie` header for a session just begun."""
    seconds = (signed_in.session.expires - signed_in.session.created) // clock.MICROSECONDS
    return set_cookie(signed_in.cookie, secure=secure, seconds=seconds)


def is_secure(request: AnyRequest) -> bool:
    """Whether the browser speaks TLS: with us, or with a proxy before us, which the origin it states tells."""
    return bool(over_tls(request.url.scheme, None, request.headers.get("origin"), ""))


def address_of(request: AnyRequest) -> str:
    """Where the browser is."""
    return request.client.host if request.client is not None else ""
