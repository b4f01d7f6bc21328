"""What the routes for people take and give as JSON. Times are RFC 3339."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Row

from lineshaft.access.people.messages import BreakGlassState, IdentityLink, NewBreakGlass, Passkey
from lineshaft.access.views import Name
from lineshaft.core import clock
from lineshaft.core.errors import TooLarge

_LARGEST_CREDENTIAL = 65536


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a route takes: fields nobody knows are refused."""


class PasskeyBody(_Body, frozen=True, kw_only=True):
    """A passkey just made in the browser."""

    label: Annotated[str, Meta(min_length=1, max_length=120)]
    """What it is on, such as the name of a telephone."""
    credential: dict[str, Any]
    """`PublicKeyCredential.toJSON()` of what `navigator.credentials.create` gave."""


class PasskeySignInBody(_Body, frozen=True, kw_only=True):
    """The proof of a passkey."""

    credential: dict[str, Any]
    """`PublicKeyCredential.toJSON()` of what `navigator.credentials.get` gave."""


class LabelBody(_Body, frozen=True, kw_only=True):
    """Another name for a passkey."""

    label: Annotated[str, Meta(min_length=1, max_length=120)]


class BreakGlassBody(_Body, frozen=True, kw_only=True):
    """The sealed emergency code."""

    code: Name


class LinkBody(_Body, frozen=True, kw_only=True):
    """Where to go after an external account was linked."""

    next: Annotated[str, Meta(max_length=512)] = "/"


class CeremonyView(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser's `navigator.credentials` takes, in its JSON form."""

    options: dict[str, Any]


class GoView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes next."""

    url: str


class MethodsView(msgspec.Struct, frozen=True, kw_only=True):
    """Ways to sign in beside name and password."""

    passkey: bool
    """Passkeys need a host name: none over a bare address."""
    oidc: str | None
    """What the external provider is called; null where none is set up."""


class PasskeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of one's own."""

    id: str
    label: str
    synced: bool
    """Its owner's devices share it."""
    created: str
    used: str | None


class PasskeyList(msgspec.Struct, frozen=True, kw_only=True):
    """One's passkeys, newest first."""

    items: list[PasskeyView]


class IdentityView(msgspec.Struct, frozen=True, kw_only=True):
    """An external account of one's own."""

    id: str
    issuer: str
    subject: str
    managed: bool
    """The provider's groups decide the roles."""
    created: str
    used: str | None


class IdentityList(msgspec.Struct, frozen=True, kw_only=True):
    """One's external accounts."""

    items: list[IdentityView]


class OpenSessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that one is signed in with."""

    id: str
    created: str
    seen: str
    """When it was last used, to a minute."""
    expires: str
    address: str
    current: bool
    """The one that asks."""


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """A key for the bus; its secret half nobody here has."""

    key: str
    issued: str
    revoked: str | None


class SignInsView(msgspec.Struct, frozen=True, kw_only=True):
    """By what a principal gets in: browsers that are signed in, passkeys, external accounts, keys for the bus."""

    sessions: list[OpenSessionView]
    passkeys: list[PasskeyView]
    identities: list[IdentityView]
    credentials: list[CredentialView]


class OpenSessionList(msgspec.Struct, frozen=True, kw_only=True):
    """One's sessions, newest first."""

    items: list[OpenSessionView]


class EndedView(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


class NewBreakGlassView(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency code; shown this once."""

    code: str
    created: str


class BreakGlassView(msgspec.Struct, frozen=True, kw_only=True):
    """How the emergency code stands."""

    state: str
    """`none`, `sealed`, `in_use`, `used` (not acknowledged yet) or `acknowledged`."""
    created: str | None
    used: str | None
    ends: str | None
    """When the account is disabled again."""
    address: str
    """From where it was used."""
    acknowledged: str | None


def checked(credential: dict[str, Any]) -> dict[str, Any]:
    """An authenticator's answer of a size that one can be of.

    Raises:
        TooLarge.
    """
    if len(msgspec.json.encode(credential)) > _LARGEST_CREDENTIAL:
        raise TooLarge(
            "access.credential_too_large", f"credential is larger than {_LARGEST_CREDENTIAL} bytes",
            "No authenticator sends that much.", field="credential", maximum=_LARGEST_CREDENTIAL,
        )  # fmt: skip
    return credential


def passkey_view(passkey: Passkey) -> PasskeyView:
    return PasskeyView(
        id=passkey.id, label=passkey.label, synced=passkey.synced, created=clock.rfc3339(passkey.created),
        used=_when(passkey.used),
    )  # fmt: skip


def identity_view(link: IdentityLink) -> IdentityView:
    return IdentityView(
        id=link.id, issuer=link.issuer, subject=link.subject, managed=link.managed,
        created=clock.rfc3339(link.created), used=_when(link.used),
    )  # fmt: skip


def open_session_view(row: Row[Any], current: str | None) -> OpenSessionView:
    return OpenSessionView(
        id=row.id, created=clock.rfc3339(row.created), seen=clock.rfc3339(row.seen),
        expires=clock.rfc3339(row.expires), address=row.address, current=row.id == current,
    )  # fmt: skip


def credential_view(row: Row[Any]) -> CredentialView:
    return CredentialView(key=row.key, issued=clock.rfc3339(row.issued), revoked=_when(row.revoked))


def new_break_glass_view(made: NewBreakGlass) -> NewBreakGlassView:
    return NewBreakGlassView(code=made.code, created=clock.rfc3339(made.created))


def break_glass_view(state: BreakGlassState) -> BreakGlassView:
    return BreakGlassView(
        state=state.state, created=_when(state.created), used=_when(state.used), ends=_when(state.ends),
        address=state.address, acknowledged=_when(state.acknowledged),
    )  # fmt: skip


def _when(time: int | None) -> str | None:
    return None if time is None else clock.rfc3339(time)
