"""What the access service is asked over the bus. Only `web` may ask; on whose behalf stands in `actor`."""

import msgspec

from lineshaft.access.model import Actor, Member, NewInvitation
from lineshaft.core.principals import PrincipalKind


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    password: str
    address: str
    """Where the browser is, as the web server sees it."""
    previous: str = ""
    """Cookie of the session that this browser had; it ends."""


class Redeem(msgspec.Struct, frozen=True, kw_only=True):
    invitation: str
    name: str
    """Empty where the link names the person."""
    password: str
    address: str


class ChangePassword(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    old: str
    new: str
    address: str


class CreatePrincipal(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    kind: PrincipalKind
    roles: list[str]
    template: str = ""
    """For a service: whose grants it gets."""


class CreatedPrincipal(msgspec.Struct, frozen=True, kw_only=True):
    member: Member
    invitation: NewInvitation | None
    """For a person: the one-time link to sign in with."""


class SetRoles(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    roles: list[str]
    expected: list[str] | None = None
    """The roles that the actor saw; refused where they are others by now. None: whatever they are."""


class SetClearance(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    clearance: int


class OfPrincipal(msgspec.Struct, frozen=True, kw_only=True):
    """For `revoke`, `reinstate`, `invite`, `issue_credentials`."""

    actor: Actor
    name: str


class CreateToken(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    """Whose token; empty for the actor's own."""
    label: str
    scopes: list[str]
    days: int | None


class RevokeToken(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    token: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to say but that it is done."""

    done: bool = True


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Bus credentials, given out this once."""

    text: str
