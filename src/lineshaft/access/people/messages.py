"""What the parts for people are asked over the bus. Only `web` may ask; on whose behalf stands in `actor`."""

from typing import Any

import msgspec

from lineshaft.access.model import Actor, SignedIn


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a browser is, and under which address it reached us."""

    address: str
    origin: str
    """Such as `https://plant.example:8420`."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A ceremony has begun."""

    secret: str
    """For the browser's cookie, nowhere else."""
    options: dict[str, Any] = {}
    """What `navigator.credentials` takes, in its JSON form."""
    url: str = ""
    """Where the browser goes next."""


class BeginPasskey(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    actor: Actor | None
    """Who registers one; None to sign in with one."""


class RegisterPasskey(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    place: Place
    secret: str
    label: str
    credential: dict[str, Any]


class PasskeySignIn(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    secret: str
    credential: dict[str, Any]
    previous: str = ""
    """Cookie of the session that this browser had; it ends."""


class ChangePasskey(msgspec.Struct, frozen=True, kw_only=True):
    """For `passkey_rename` and `passkey_remove`."""

    actor: Actor
    id: str
    label: str = ""


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey as lists show it."""

    id: str
    label: str
    synced: bool
    """Its owner's devices share it."""
    created: int
    used: int | None


class BeginOidc(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    actor: Actor | None
    """Who links an identity to themselves; None to sign in with one."""
    target: str


class FinishOidc(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    secret: str
    code: str
    state: str
    issuer: str | None
    """`iss` of the answer (RFC 9207)."""
    error: str
    """What the provider refused with; empty where it did not."""
    previous: str = ""


class OidcDone(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    """A path of this server."""
    signed_in: SignedIn | None
    """None where an identity was linked to somebody already signed in."""


class RemoveIdentity(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    id: str


class IdentityLink(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is at an external provider."""

    id: str
    issuer: str
    subject: str
    managed: bool
    """The provider's groups decide the roles."""
    created: int
    used: int | None


class OfBreakGlass(msgspec.Struct, frozen=True, kw_only=True):
    """For `break_glass_create` and `break_glass_acknowledge`."""

    actor: Actor


class UseBreakGlass(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    address: str
    previous: str = ""


class NewBreakGlass(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency code just made. `code` is shown this once."""

    code: str
    created: int


class BreakGlassState(msgspec.Struct, frozen=True, kw_only=True):
    """How the emergency code stands."""

    state: str
    """`none`, `sealed`, `in_use`, `used` (not acknowledged yet) or `acknowledged`."""
    created: int | None = None
    used: int | None = None
    ends: int | None = None
    address: str = ""
    acknowledged: int | None = None
