"""What the routes of access take and give as JSON. Times are RFC 3339."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lineshaft.access.model import Member, NewInvitation, NewToken, SignedIn, Token
from lineshaft.access.roles import actions_of
from lineshaft.core import clock
from lineshaft.core.principals import Principal, PrincipalKind

Name = Annotated[str, Meta(max_length=200)]
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a route takes: fields nobody knows are refused."""


class SignInBody(_Body, frozen=True, kw_only=True):
    """Name and password."""

    name: Name
    password: Secret


class InvitationBody(_Body, frozen=True, kw_only=True):
    """The secret of a one-time link."""

    invitation: Secret


class RedeemBody(_Body, frozen=True, kw_only=True):
    """A one-time link and what its holder chooses."""

    invitation: Secret
    name: Name = ""
    """Empty where the link names the person."""
    password: Secret


class PasswordBody(_Body, frozen=True, kw_only=True):
    """The password one has and the one one wants."""

    old: Secret
    new: Secret


class PrincipalBody(_Body, frozen=True, kw_only=True):
    """A new principal: a person or app with roles, or a service with the grants of a template."""

    name: Name
    kind: PrincipalKind = "person"
    roles: list[str] = []
    template: str = ""


class RolesBody(_Body, frozen=True, kw_only=True):
    """Roles: viewer, operator, engineer, administrator."""

    roles: list[str]


class ClearanceBody(_Body, frozen=True, kw_only=True):
    """The highest grade of data that somebody may see, 1 to 3."""

    clearance: int


class TokenBody(_Body, frozen=True, kw_only=True):
    """A new API token."""

    label: Annotated[str, Meta(min_length=1, max_length=120)]
    """What it is for."""
    scopes: list[str]
    """Actions it admits, such as `history:read`."""
    days: int | None = None
    """Its life; the default of the installation where not given."""
    name: Name = ""
    """Whose; one's own where not given."""


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and what they may do."""

    id: str
    name: str
    tenant: str
    kind: PrincipalKind
    roles: list[str]
    actions: list[str]
    """What the roles, and the token's scopes where one is used, allow."""
    projects: list[str] | None
    """The projects whose objects are there for one; null: all."""
    csrf: str | None
    """Goes into the header X-CSRF-Token of every unsafe request; null for an API token."""
    expires: str | None
    """When the session ends at the latest; null for an API token."""


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """What a one-time link is for."""

    name: str | None
    """The person; null where its holder chooses a name."""
    roles: list[str]
    expires: str


class NewInvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link; shown this once."""

    path: str
    """Append it to the server's address."""
    expires: str


class PrincipalView(msgspec.Struct, frozen=True, kw_only=True):
    """A principal."""

    id: str
    name: str
    kind: PrincipalKind
    roles: list[str]
    created: str
    revoked: str | None
    can_sign_in: bool
    """Has a password."""
    zone: str
    """Security zone; empty where it is in none."""
    clearance: int
    """Highest grade of data that it may see, 1 to 3."""
    projects: list[str] | None
    """The projects whose objects are there for it; null: all."""


class NewPrincipalView(msgspec.Struct, frozen=True, kw_only=True):
    """A principal just made."""

    principal: PrincipalView
    invitation: NewInvitationView | None
    """For a person."""


class PrincipalPage(msgspec.Struct, frozen=True, kw_only=True):
    """Principals by name."""

    items: list[PrincipalView]
    next: str | None
    """Cursor of the next page; null at the end."""


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """An API token without its secret."""

    id: str
    label: str
    scopes: list[str]
    created: str
    expires: str
    used: str | None
    """When it was last used, to ten minutes."""


class NewTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """An API token just made; `text` is shown this once."""

    token: TokenView
    text: str


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """A principal's API tokens, newest first."""

    items: list[TokenView]


class CredentialsView(msgspec.Struct, frozen=True, kw_only=True):
    """Bus credentials, the text of a `.creds` file; shown this once."""

    text: str


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    """A role and what it allows."""

    name: str
    actions: list[str]


class RoleList(msgspec.Struct, frozen=True, kw_only=True):
    """The roles, lowest first."""

    items: list[RoleView]


def session_view(principal: Principal, actions: list[str], *, csrf: str | None, expires: int | None) -> SessionView:
    return SessionView(
        id=principal.id, name=principal.name, tenant=principal.tenant, kind=principal.kind, roles=sorted(principal.roles), actions=actions,
        projects=None if principal.projects is None else list(principal.projects), csrf=csrf,
        expires=None if expires is None else clock.rfc3339(expires),
    )  # fmt: skip


def signed_in_view(signed_in: SignedIn) -> SessionView:
    principal, session = signed_in.principal, signed_in.session
    return session_view(principal, sorted(actions_of(principal.roles)), csrf=session.csrf, expires=session.expires)


def principal_view(member: Member) -> PrincipalView:
    return PrincipalView(
        id=member.id, name=member.name, kind=member.kind, roles=list(member.roles),
        created=clock.rfc3339(member.created), can_sign_in=member.can_sign_in,
        revoked=None if member.revoked is None else clock.rfc3339(member.revoked), zone=member.zone,
        clearance=member.clearance, projects=member.projects,
    )  # fmt: skip


def new_invitation_view(invitation: NewInvitation) -> NewInvitationView:
    return NewInvitationView(path=invitation_path(invitation.text), expires=clock.rfc3339(invitation.expires))


def invitation_path(text: str) -> str:
    """The one-time link without the server's address. The secret is in the fragment, which browsers keep to themselves."""
    return f"/#invite={text}"


def token_view(token: Token) -> TokenView:
    return TokenView(
        id=token.id, label=token.label, scopes=token.scopes, created=clock.rfc3339(token.created),
        expires=clock.rfc3339(token.expires), used=None if token.used is None else clock.rfc3339(token.used),
    )  # fmt: skip


def new_token_view(made: NewToken) -> NewTokenView:
    return NewTokenView(token=token_view(made.token), text=made.text)
