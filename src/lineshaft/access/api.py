"""Routes under /api/v1/access: sessions, one-time links, principals, API tokens, the audit trail."""

from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from lineshaft.access.access import Access
from lineshaft.access.answers import AnyRequest, address_of, admitted, is_secure
from lineshaft.access.browser import COOKIE, clear_cookie
from lineshaft.access.est import api as est
from lineshaft.access.labels import api as labels
from lineshaft.access.messages import (
    ChangePassword,
    CreatedPrincipal,
    CreatePrincipal,
    CreateToken,
    Credentials,
    Done,
    OfPrincipal,
    Redeem,
    RevokeToken,
    SetClearance,
    SetRoles,
    SignIn,
)
from lineshaft.access.model import Actor, Member, NewInvitation, NewToken, SignedIn
from lineshaft.access.people import api as people
from lineshaft.access.pki import api as pki
from lineshaft.access.policy import api as policy
from lineshaft.access.projects import api as projects
from lineshaft.access.requests import ask_to_change, ask_to_sign_in
from lineshaft.access.roles import ACTIONS, LADDER, ROLE_ACTIONS
from lineshaft.access.trail import api as trail
from lineshaft.access.views import (
    ClearanceBody,
    CredentialsView,
    InvitationBody,
    InvitationView,
    NewInvitationView,
    NewPrincipalView,
    NewTokenView,
    PasswordBody,
    PrincipalBody,
    PrincipalPage,
    PrincipalView,
    RedeemBody,
    RoleList,
    RolesBody,
    RoleView,
    SessionView,
    SignInBody,
    TokenBody,
    TokenList,
    new_invitation_view,
    new_token_view,
    principal_view,
    session_view,
    token_view,
)
from lineshaft.access.zones import api as zones
from lineshaft.bus.client import Bus
from lineshaft.core import clock
from lineshaft.core.http import check_limit, check_match, decode_cursor, encode_cursor, etag
from lineshaft.core.principals import Principal, Resource

_ROOT = "/api/v1/access"
_TAGS = ["access"]
_SELF = {"action": "access:self"}
_OWN = {**_SELF, "tenant": "own"}
_MANAGE = {"action": "access:manage"}

Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the object as you read it")]


# -- sessions -----------------------------------------------------------------------------------------------------------


@post(f"{_ROOT}/session", opt={"public": "signing in is how one becomes somebody"}, tags=_TAGS)
async def sign_in(request: AnyRequest, bus: NamedDependency[Bus], data: JSONBody[SignInBody]) -> Response[SessionView]:
    """Sign in: the answer sets the session's cookie and holds the CSRF token."""
    asked = SignIn(
        name=data.name, password=data.password, address=address_of(request), previous=request.cookies.get(COOKIE, "")
    )
    return admitted(request, await ask_to_sign_in(bus, "sign_in", asked, SignedIn))


@get(f"{_ROOT}/session", opt=_OWN, tags=_TAGS)
async def who_am_i(
    request: AnyRequest, access: NamedDependency[Access], principal: NamedDependency[Principal]
) -> SessionView:
    """Who calls, what they may do, and the session's CSRF token."""
    own = Resource(id="*", tenant=principal.tenant)
    actions = [action for action in ACTIONS if access.authorize(principal, action, own).allowed]
    cookie = request.cookies.get(COOKIE, "")
    if Actor.of(principal).scopes is not None or not cookie:
        return session_view(principal, actions, csrf=None, expires=None)
    _, session = await access.principal_of_session(cookie)
    return session_view(principal, actions, csrf=session.csrf, expires=session.expires)


@delete(f"{_ROOT}/session", opt=_OWN, tags=_TAGS, status_code=204)
async def sign_out(request: AnyRequest, access: NamedDependency[Access]) -> Response[None]:
    """Sign out: the session ends and its cookie is taken back."""
    await access.end_session(request.cookies.get(COOKIE, ""))
    return Response(None, status_code=204, headers={"set-cookie": clear_cookie(secure=is_secure(request))})


@post(f"{_ROOT}/password", opt=_SELF, tags=_TAGS)
async def change_password(
    request: AnyRequest, bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[PasswordBody]
) -> Response[SessionView]:
    """Change one's password; all one's sessions end, and this browser gets a new one."""
    asked = ChangePassword(actor=Actor.of(principal), old=data.old, new=data.new, address=address_of(request))
    return admitted(request, await ask_to_sign_in(bus, "change_password", asked, SignedIn))


# -- one-time links -----------------------------------------------------------------------------------------------------


@post(
    f"{_ROOT}/invitations/describe",
    opt={"public": "the secret of the link is the proof"},
    tags=_TAGS,
    status_code=200,
)
async def describe_invitation(access: NamedDependency[Access], data: JSONBody[InvitationBody]) -> InvitationView:
    """What a one-time link is for, without using it up."""
    found = await access.invitation(data.invitation)
    return InvitationView(name=found.name, roles=list(found.roles), expires=clock.rfc3339(found.expires))


@post(f"{_ROOT}/invitations/redeem", opt={"public": "the secret of the link is the proof"}, tags=_TAGS)
async def redeem(request: AnyRequest, bus: NamedDependency[Bus], data: JSONBody[RedeemBody]) -> Response[SessionView]:
    """Use a one-time link: choose a password and be signed in."""
    asked = Redeem(invitation=data.invitation, name=data.name, password=data.password, address=address_of(request))
    return admitted(request, await ask_to_sign_in(bus, "redeem", asked, SignedIn))


# -- principals ---------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/roles", opt=_SELF, tags=_TAGS)
async def list_roles() -> RoleList:
    """The roles of people and apps, and what each allows."""
    return RoleList(items=[RoleView(name=role, actions=sorted(ROLE_ACTIONS[role])) for role in LADDER])


@get(f"{_ROOT}/principals", opt=_MANAGE, tags=_TAGS)
async def list_principals(access: NamedDependency[Access], cursor: Cursor = None, limit: Limit = 100) -> PrincipalPage:
    """People, apps and services by name, revoked ones included."""
    after = "" if cursor is None else decode_cursor(cursor, str)[0]
    members = await access.members(after=after, limit=check_limit(limit))
    more = encode_cursor(members[-1].name) if len(members) == limit else None
    return PrincipalPage(items=[principal_view(member) for member in members], next=more)


@post(f"{_ROOT}/principals", opt=_MANAGE, tags=_TAGS)
async def create_principal(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[PrincipalBody]
) -> NewPrincipalView:
    """Make a principal; a person's answer holds the one-time link to give them."""
    asked = CreatePrincipal(
        actor=Actor.of(principal), name=data.name, kind=data.kind, roles=data.roles, template=data.template
    )
    made = await ask_to_change(bus, "create_principal", asked, CreatedPrincipal)
    invitation = None if made.invitation is None else new_invitation_view(made.invitation)
    return NewPrincipalView(principal=principal_view(made.member), invitation=invitation)


@get(f"{_ROOT}/principals/{{name:str}}", opt=_MANAGE, tags=_TAGS)
async def get_principal(access: NamedDependency[Access], name: FromPath[str]) -> Response[PrincipalView]:
    """One principal, with its ETag."""
    return _tagged(await access.member(name))


@put(f"{_ROOT}/principals/{{name:str}}/roles", opt=_MANAGE, tags=_TAGS)
async def set_roles(
    bus: NamedDependency[Bus],
    access: NamedDependency[Access],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[RolesBody],
    if_match: IfMatch = None,
) -> Response[PrincipalView]:
    """Replace somebody's roles; felt everywhere within seconds."""
    before = await access.member(name)
    check_match(if_match, etag(principal_view(before)))
    asked = SetRoles(
        actor=Actor.of(principal), name=name, roles=data.roles,
        expected=None if if_match is None else list(before.roles),
    )  # fmt: skip
    return _tagged(await ask_to_change(bus, "set_roles", asked, Member))


@put(f"{_ROOT}/principals/{{name:str}}/clearance", opt=_MANAGE, tags=_TAGS)
async def set_clearance(
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[ClearanceBody],
) -> Response[PrincipalView]:
    """Replace the highest grade of data that somebody may see; felt everywhere within seconds."""
    asked = SetClearance(actor=Actor.of(principal), name=name, clearance=data.clearance)
    return _tagged(await ask_to_change(bus, "set_clearance", asked, Member))


@post(f"{_ROOT}/principals/{{name:str}}/revoke", opt=_MANAGE, tags=_TAGS, status_code=200)
async def revoke(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], name: FromPath[str]
) -> PrincipalView:
    """End somebody's sessions, tokens, links and bus connections within seconds."""
    asked = OfPrincipal(actor=Actor.of(principal), name=name)
    return principal_view(await ask_to_change(bus, "revoke", asked, Member))


@post(f"{_ROOT}/principals/{{name:str}}/reinstate", opt=_MANAGE, tags=_TAGS, status_code=200)
async def reinstate(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], name: FromPath[str]
) -> PrincipalView:
    """Let somebody back in who was revoked."""
    asked = OfPrincipal(actor=Actor.of(principal), name=name)
    return principal_view(await ask_to_change(bus, "reinstate", asked, Member))


@post(f"{_ROOT}/principals/{{name:str}}/invitation", opt=_MANAGE, tags=_TAGS)
async def invite(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], name: FromPath[str]
) -> NewInvitationView:
    """Make a one-time link with which a person sets a new password; earlier links end."""
    asked = OfPrincipal(actor=Actor.of(principal), name=name)
    return new_invitation_view(await ask_to_change(bus, "invite", asked, NewInvitation))


@post(f"{_ROOT}/principals/{{name:str}}/credentials", opt=_MANAGE, tags=_TAGS)
async def issue_credentials(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], name: FromPath[str]
) -> CredentialsView:
    """Make new bus credentials for a service; those it had are void."""
    asked = OfPrincipal(actor=Actor.of(principal), name=name)
    return CredentialsView(text=(await ask_to_change(bus, "issue_credentials", asked, Credentials)).text)


# -- API tokens ---------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/tokens", opt=_SELF, tags=_TAGS)
async def list_tokens(
    access: NamedDependency[Access],
    principal: NamedDependency[Principal],
    name: Annotated[str | None, QueryParameter(description="Whose; one's own where not given")] = None,
) -> TokenList:
    """API tokens without their secrets, newest first; somebody else's for an administrator."""
    owner = principal.id
    if name is not None:
        await access.require(principal, "access:manage", name)
        owner = (await access.member(name)).id
    return TokenList(items=[token_view(token) for token in await access.tokens_of(owner)])


@post(f"{_ROOT}/tokens", opt=_SELF, tags=_TAGS)
async def create_token(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    data: JSONBody[TokenBody],
) -> NewTokenView:
    """Make an API token; its text is in this answer and nowhere else."""
    if data.name:
        await _manage(access, principal, data.name)
    asked = CreateToken(actor=Actor.of(principal), name=data.name, label=data.label, scopes=data.scopes, days=data.days)
    return new_token_view(await ask_to_change(bus, "create_token", asked, NewToken))


@delete(f"{_ROOT}/tokens/{{token:str}}", opt=_SELF, tags=_TAGS, status_code=204)
async def revoke_token(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    token: FromPath[str],
) -> None:
    """End an API token: one's own, or anybody's for an administrator."""
    if await access.owner_of_token(token) != principal.id:
        await _manage(access, principal, token)
    await ask_to_change(bus, "revoke_token", RevokeToken(actor=Actor.of(principal), token=token), Done)


ROUTES = [
    sign_in, who_am_i, sign_out, change_password, describe_invitation, redeem, list_roles, list_principals,
    create_principal, get_principal, set_roles, set_clearance, revoke, reinstate, invite, issue_credentials, list_tokens,
    create_token, revoke_token, *trail.ROUTES, *people.ROUTES, *zones.ROUTES, *est.ROUTES, *policy.ROUTES, *pki.ROUTES,
    *labels.ROUTES, *projects.ROUTES,
]  # fmt: skip


async def _manage(access: Access, principal: Principal, concerned: str) -> None:
    """What the gate does for routes of administrators, where the route is for everybody and this request is not."""
    await access.require(principal, "access:manage", concerned)
    await access.check_recording()


def _tagged(member: Member) -> Response[PrincipalView]:
    view = principal_view(member)
    return Response(view, headers={"etag": etag(view)})
