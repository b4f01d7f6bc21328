"""Routes for people under /api/v1/access: passkeys, the external provider, one's sessions, the emergency code."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy import Connection, select

from lineshaft.access import audit, sessions
from lineshaft.access.access import Access
from lineshaft.access.answers import AnyRequest, address_of, admitted, session_cookie
from lineshaft.access.audit import Act
from lineshaft.access.browser import COOKIE
from lineshaft.access.messages import Done
from lineshaft.access.model import Actor, SignedIn
from lineshaft.access.people import break_glass as glass
from lineshaft.access.people import ceremonies, oidc, passkeys
from lineshaft.access.people.messages import (
    BeginOidc,
    BeginPasskey,
    Begun,
    BreakGlassState,
    ChangePasskey,
    FinishOidc,
    NewBreakGlass,
    OfBreakGlass,
    OidcDone,
    Passkey,
    PasskeySignIn,
    Place,
    RegisterPasskey,
    RemoveIdentity,
    UseBreakGlass,
)
from lineshaft.access.people.origins import place_of
from lineshaft.access.people.settings import OidcSettings
from lineshaft.access.people.views import (
    BreakGlassBody,
    BreakGlassView,
    CeremonyView,
    EndedView,
    GoView,
    IdentityList,
    LabelBody,
    LinkBody,
    MethodsView,
    NewBreakGlassView,
    OpenSessionList,
    PasskeyBody,
    PasskeyList,
    PasskeySignInBody,
    PasskeyView,
    SignInsView,
    break_glass_view,
    checked,
    credential_view,
    identity_view,
    new_break_glass_view,
    open_session_view,
    passkey_view,
)
from lineshaft.access.requests import ask_to_change, ask_to_sign_in
from lineshaft.access.store import CREDENTIAL
from lineshaft.access.views import SessionView
from lineshaft.bus.client import Bus
from lineshaft.core.errors import LineshaftError, NotFound, Unauthenticated
from lineshaft.core.home import Home
from lineshaft.core.principals import Principal
from lineshaft.core.settings import Settings
from lineshaft.records import Database

_ROOT = "/api/v1/access"
_TAGS = ["access"]
_SELF = {"action": "access:self"}
_MANAGE = {"action": "access:manage"}
_SIGN_IN = {"public": "signing in is how one becomes somebody"}
_PASSKEY_COOKIE = "lineshaft_passkey"
_OIDC_COOKIE = "lineshaft_oidc"


# -- passkeys -----------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/session:methods", opt={"public": "the sign-in page shows them"}, tags=_TAGS)
async def sign_in_methods(
    request: AnyRequest, home: NamedDependency[Home], settings: NamedDependency[Settings]
) -> MethodsView:
    """Ways to sign in beside name and password."""
    external = settings.of(OidcSettings)
    try:
        place = await asyncio.to_thread(place_of, request, home)
    except LineshaftError:
        return MethodsView(passkey=False, oidc=None)
    return MethodsView(
        passkey=passkeys.possible(place), oidc=external.name if external.issuer and external.client_id else None
    )


@post(f"{_ROOT}/passkeys:options", opt=_SELF, tags=_TAGS, status_code=200)
async def passkey_options(
    request: AnyRequest, bus: NamedDependency[Bus], home: NamedDependency[Home], principal: NamedDependency[Principal]
) -> Response[CeremonyView]:
    """Begin to register a passkey: what `navigator.credentials.create` takes."""
    place = await asyncio.to_thread(place_of, request, home)
    asked = BeginPasskey(place=place, actor=Actor.of(principal))
    return _begun(await ask_to_change(bus, "passkey_begin", asked, Begun), place)


@post(f"{_ROOT}/passkeys", opt=_SELF, tags=_TAGS)
async def register_passkey(
    request: AnyRequest,
    bus: NamedDependency[Bus],
    home: NamedDependency[Home],
    principal: NamedDependency[Principal],
    data: JSONBody[PasskeyBody],
) -> PasskeyView:
    """Keep a passkey; from now on one signs in with it."""
    asked = RegisterPasskey(
        actor=Actor.of(principal), place=await asyncio.to_thread(place_of, request, home), label=data.label,
        secret=request.cookies.get(_PASSKEY_COOKIE, ""), credential=checked(data.credential),
    )  # fmt: skip
    return passkey_view(await ask_to_change(bus, "passkey_register", asked, Passkey))


@get(f"{_ROOT}/passkeys", opt=_SELF, tags=_TAGS)
async def list_passkeys(database: NamedDependency[Database], principal: NamedDependency[Principal]) -> PasskeyList:
    """One's passkeys, newest first."""
    return PasskeyList(items=[passkey_view(each) for each in await database.query(passkeys.list_of, principal.id)])


@put(f"{_ROOT}/passkeys/{{passkey:str}}", opt=_SELF, tags=_TAGS)
async def rename_passkey(
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    passkey: FromPath[str],
    data: JSONBody[LabelBody],
) -> PasskeyView:
    """Give a passkey another name."""
    asked = ChangePasskey(actor=Actor.of(principal), id=passkey, label=data.label)
    return passkey_view(await ask_to_change(bus, "passkey_rename", asked, Passkey))


@delete(f"{_ROOT}/passkeys/{{passkey:str}}", opt=_SELF, tags=_TAGS, status_code=204)
async def remove_passkey(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], passkey: FromPath[str]
) -> None:
    """Remove a passkey; nobody signs in with it any more."""
    await ask_to_change(bus, "passkey_remove", ChangePasskey(actor=Actor.of(principal), id=passkey), Done)


@post(f"{_ROOT}/session:passkey-options", opt=_SIGN_IN, tags=_TAGS, status_code=200)
async def passkey_sign_in_options(
    request: AnyRequest, bus: NamedDependency[Bus], home: NamedDependency[Home]
) -> Response[CeremonyView]:
    """Begin to sign in by a passkey: what `navigator.credentials.get` takes; the same for everybody."""
    place = await asyncio.to_thread(place_of, request, home)
    return _begun(await ask_to_sign_in(bus, "passkey_begin", BeginPasskey(place=place, actor=None), Begun), place)


@post(f"{_ROOT}/session:passkey", opt=_SIGN_IN, tags=_TAGS)
async def passkey_sign_in(
    request: AnyRequest, bus: NamedDependency[Bus], home: NamedDependency[Home], data: JSONBody[PasskeySignInBody]
) -> Response[SessionView]:
    """Sign in by a passkey: the answer sets the session's cookie and holds the CSRF token."""
    asked = PasskeySignIn(
        place=await asyncio.to_thread(place_of, request, home), secret=request.cookies.get(_PASSKEY_COOKIE, ""),
        credential=checked(data.credential), previous=request.cookies.get(COOKIE, ""),
    )  # fmt: skip
    return admitted(request, await ask_to_sign_in(bus, "passkey_sign_in", asked, SignedIn))


# -- the external provider ----------------------------------------------------------------------------------------------


@get(f"{_ROOT}/oidc/start", opt=_SIGN_IN, tags=_TAGS, status_code=303)
async def oidc_start(
    request: AnyRequest,
    bus: NamedDependency[Bus],
    home: NamedDependency[Home],
    next: Annotated[str, QueryParameter(description="A path of this server to go to afterwards")] = "/",  # noqa: A002
) -> Response[str]:
    """Sign in by the external provider: sends the browser there."""
    place = await asyncio.to_thread(place_of, request, home)
    asked = BeginOidc(place=place, actor=None, target=next)
    begun = await ask_to_sign_in(bus, "oidc_begin", asked, Begun)
    return _redirect(begun.url, _oidc_cookie(begun.secret, place))


@post(f"{_ROOT}/oidc/link", opt=_SELF, tags=_TAGS, status_code=200)
async def oidc_link(
    request: AnyRequest,
    bus: NamedDependency[Bus],
    home: NamedDependency[Home],
    principal: NamedDependency[Principal],
    data: JSONBody[LinkBody],
) -> Response[GoView]:
    """Begin to link one's account at the external provider: where the browser goes next."""
    place = await asyncio.to_thread(place_of, request, home)
    asked = BeginOidc(place=place, actor=Actor.of(principal), target=data.next)
    begun = await ask_to_change(bus, "oidc_begin", asked, Begun)
    return Response(GoView(url=begun.url), cookies=[_oidc_cookie(begun.secret, place)])


@get(f"{_ROOT}/oidc/callback", opt=_SIGN_IN, tags=_TAGS, status_code=303)
async def oidc_callback(
    request: AnyRequest,
    bus: NamedDependency[Bus],
    home: NamedDependency[Home],
    code: Annotated[str, QueryParameter(description="What the provider gave")] = "",
    state_: Annotated[str, QueryParameter(name="state", description="What we gave the provider")] = "",
    iss: Annotated[str | None, QueryParameter(description="Who the provider says it is")] = None,
    error: Annotated[str, QueryParameter(description="Why the provider refuses")] = "",
) -> Response[str]:
    """Where the external provider sends the browser back to; signs in, or links."""
    place = await asyncio.to_thread(place_of, request, home)
    asked = FinishOidc(
        place=place, secret=request.cookies.get(_OIDC_COOKIE, ""), code=code[:4096], state=state_[:200],
        issuer=iss, error=error[:200], previous=request.cookies.get(COOKIE, ""),
    )  # fmt: skip
    try:
        done = await ask_to_sign_in(bus, "oidc_finish", asked, OidcDone)
    except LineshaftError as refusal:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _redirect(f"/#refused={quote(refusal.code)}", _oidc_cookie("", place))  # a page, not a document
    return _redirect(done.target, _oidc_cookie("", place), done.signed_in)


@get(f"{_ROOT}/identities", opt=_SELF, tags=_TAGS)
async def list_identities(database: NamedDependency[Database], principal: NamedDependency[Principal]) -> IdentityList:
    """One's accounts at external providers."""
    return IdentityList(items=[identity_view(each) for each in await database.query(oidc.list_of, principal.id)])


@delete(f"{_ROOT}/identities/{{identity_id:str}}", opt=_SELF, tags=_TAGS, status_code=204)
async def remove_identity(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], identity_id: FromPath[str]
) -> None:
    """Unlink an external account."""
    await ask_to_change(bus, "identity_remove", RemoveIdentity(actor=Actor.of(principal), id=identity_id), Done)


# -- one's sessions -----------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/sessions", opt=_SELF, tags=_TAGS)
async def list_sessions(
    request: AnyRequest,
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
) -> OpenSessionList:
    """The browsers that one is signed in with, newest first."""
    current = await _current(request, access)
    rows = await database.query(sessions.list_of, principal.id)
    return OpenSessionList(items=[open_session_view(row, current) for row in rows])


@delete(f"{_ROOT}/sessions/{{session:str}}", opt=_SELF, tags=_TAGS, status_code=204)
async def end_session(
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    session: FromPath[str],
) -> None:
    """End one of one's sessions; felt within seconds. Works while the access service is down."""
    if not await database.write(_end_one, principal, session):
        raise NotFound(
            "access.session_unknown", f"you have no session {session[:40]!r}", "The list shows those you have.",
            value=session[:40],
        )  # fmt: skip
    access.forget_sessions()


@delete(f"{_ROOT}/sessions", opt=_SELF, tags=_TAGS, status_code=200)
async def end_other_sessions(
    request: AnyRequest,
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
) -> EndedView:
    """End all of one's sessions but the one that asks."""
    ended = await database.write(_end_others, principal, await _current(request, access) or "")
    access.forget_sessions()
    return EndedView(ended=ended)


def _sign_ins(connection: Connection, principal: str) -> SignInsView:
    keys = select(CREDENTIAL).where(CREDENTIAL.c.principal == principal).order_by(CREDENTIAL.c.issued.desc())
    return SignInsView(
        sessions=[open_session_view(row, None) for row in sessions.list_of(connection, principal)],
        passkeys=[passkey_view(each) for each in passkeys.list_of(connection, principal)],
        identities=[identity_view(each) for each in oidc.list_of(connection, principal)],
        credentials=[credential_view(row) for row in connection.execute(keys)],
    )  # fmt: skip


def _end_one(connection: Connection, principal: Principal, session: str) -> bool:
    ended = sessions.end_one(connection, principal.id, session)
    if ended:
        _note_ended(connection, principal, {"session": session})
    return ended


def _end_others(connection: Connection, principal: Principal, keep: str) -> int:
    ended = sessions.end_others(connection, principal.id, keep)
    if ended:
        _note_ended(connection, principal, {"others": ended})
    return ended


def _note_ended(connection: Connection, principal: Principal, facts: dict[str, Any]) -> None:
    act = Act(principal=principal.id, action="access:end_session", resource=principal.id, outcome="done", facts=facts)
    audit.write(connection, principal.tenant, act)


async def _current(request: AnyRequest, access: Access) -> str | None:
    """Id of the session that asks; None for a program."""
    try:
        _, session = await access.principal_of_session(request.cookies.get(COOKIE, ""), touch=False)
    except Unauthenticated:
        return None
    return session.id


@get(f"{_ROOT}/principals/{{name:str}}/sign-ins", opt=_MANAGE, tags=_TAGS)
async def list_sign_ins(
    access: NamedDependency[Access], database: NamedDependency[Database], name: FromPath[str]
) -> SignInsView:
    """By what a principal gets in: sessions, passkeys, external accounts, keys for the bus. No secret is in it."""
    return await database.query(_sign_ins, (await access.member(name)).id)


# -- the emergency code -------------------------------------------------------------------------------------------------


@post(f"{_ROOT}/session:break-glass", opt=_SIGN_IN, tags=_TAGS)
async def use_break_glass(
    request: AnyRequest, bus: NamedDependency[Bus], data: JSONBody[BreakGlassBody]
) -> Response[SessionView]:
    """Sign in as administrator by the sealed emergency code: it is used up, and an alarm is raised."""
    asked = UseBreakGlass(code=data.code, address=address_of(request), previous=request.cookies.get(COOKIE, ""))
    return admitted(request, await ask_to_sign_in(bus, "break_glass_use", asked, SignedIn))


@post(f"{_ROOT}/break-glass", opt=_MANAGE, tags=_TAGS)
async def create_break_glass(bus: NamedDependency[Bus], principal: NamedDependency[Principal]) -> NewBreakGlassView:
    """Make an emergency code, shown this once; the one before is void."""
    asked = OfBreakGlass(actor=Actor.of(principal))
    return new_break_glass_view(await ask_to_change(bus, "break_glass_create", asked, NewBreakGlass))


@get(f"{_ROOT}/break-glass", opt=_MANAGE, tags=_TAGS)
async def break_glass_status(
    database: NamedDependency[Database], principal: NamedDependency[Principal]
) -> BreakGlassView:
    """How the emergency code stands."""
    return break_glass_view(await database.query(glass.state, principal.tenant))


@post(f"{_ROOT}/break-glass/acknowledge", opt=_MANAGE, tags=_TAGS, status_code=200)
async def acknowledge_break_glass(bus: NamedDependency[Bus], principal: NamedDependency[Principal]) -> BreakGlassView:
    """End the alarm that the emergency code's use raised; not by the emergency account itself."""
    asked = OfBreakGlass(actor=Actor.of(principal))
    return break_glass_view(await ask_to_change(bus, "break_glass_acknowledge", asked, BreakGlassState))


ROUTES = [
    sign_in_methods, passkey_options, register_passkey, list_passkeys, rename_passkey, remove_passkey,
    passkey_sign_in_options, passkey_sign_in, oidc_start, oidc_link, oidc_callback, list_identities, remove_identity,
    list_sessions, end_session, end_other_sessions, list_sign_ins, use_break_glass, create_break_glass, break_glass_status,
    acknowledge_break_glass,
]  # fmt: skip


# -- cookies of ceremonies ----------------------------------------------------------------------------------------------


def _begun(begun: Begun, place: Place) -> Response[CeremonyView]:
    cookie = Cookie(
        key=_PASSKEY_COOKIE, value=begun.secret, path=_ROOT, max_age=ceremonies.LIFE_SECONDS, httponly=True,
        samesite="strict", secure=_over_tls(place),
    )  # fmt: skip
    return Response(CeremonyView(options=begun.options), cookies=[cookie])


def _oidc_cookie(secret: str, place: Place) -> Cookie:
    """Lax, not Strict: the browser comes back from another site. An empty one is taken away."""
    return Cookie(
        key=_OIDC_COOKIE, value=secret, path=f"{_ROOT}/oidc", max_age=ceremonies.LIFE_SECONDS if secret else 0,
        httponly=True, samesite="lax", secure=_over_tls(place),
    )  # fmt: skip


def _redirect(target: str, cookie: Cookie, signed_in: SignedIn | None = None) -> Response[str]:
    headers = {"location": target}
    if signed_in is not None:
        headers["set-cookie"] = session_cookie(signed_in, secure=bool(cookie.secure))
    return Response("", status_code=303, media_type="text/plain", headers=headers, cookies=[cookie])


def _over_tls(place: Place) -> bool:
    return place.origin.startswith("https://")
