"""The nouns of access: sessions, tokens, invitations, audit entries; and who acts when a change is asked for."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from lineshaft.core.principals import Principal, PrincipalKind, Role

SCOPES: Final = "scopes"
"""Attribute of a principal that came by an API token: the actions the token admits, separated by spaces."""
TOKEN: Final = "token"  # noqa: S105  # the name of an attribute, not a token
"""Attribute of a principal that came by an API token: the token's id."""
TEMPLATE: Final = "template"
"""Attribute of a service: the grants it has, where they are not those of its own name."""
LOCAL: Final = "local"
"""The principal of the command line on the machine itself."""

Outcome = Literal["asked", "done", "refused", "denied", "locked"]
"""`asked`: written before a command is carried out; its outcome follows under the same trace."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A person's signed-in browser. Times are microseconds since 1970."""

    id: str
    created: int
    expires: int
    csrf: str
    """What the browser must send in `X-CSRF-Token` with every unsafe request."""
    due: bool = False
    """The cookie should be replaced by a new one."""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a sign-in: the cookie is here and nowhere else."""

    principal: Principal
    session: Session
    cookie: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A principal as lists show it."""

    id: str
    name: str
    kind: PrincipalKind
    roles: list[Role]
    created: int
    revoked: int | None
    can_sign_in: bool
    """Has a password."""
    zone: str = ""
    """Security zone; empty where it is in none."""
    clearance: int = 3
    """Highest grade of data that it may see, 1 to 3."""
    projects: list[str] | None = None
    """The projects whose objects are there for it; None: all of the tenant."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as lists show it, without its secret."""

    id: str
    principal: str
    label: str
    scopes: list[str]
    created: int
    expires: int
    used: int | None
    """When it was last used, to ten minutes."""


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token just made. `text` is shown this once."""

    token: Token
    text: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder of a one-time link may know of it."""

    name: str | None
    """The person it is for; None where its holder chooses a name."""
    roles: list[Role]
    expires: int


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link's secret. `text` is shown this once."""

    name: str | None
    text: str
    expires: int


Kind = Literal["sign_in", "denial", "change", "command", "export", "deletion", "alarm", "general"]
"""What kind of act an audit entry is about."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded act."""

    id: str
    time: int
    principal: str
    """Handle of who acted; empty where nobody could be told."""
    action: str
    resource: str
    outcome: Outcome
    decision: str
    """Id of the decision behind it; empty where none was asked."""
    facts: Mapping[str, Any]
    kind: str = ""
    """sign_in, denial, change, command, export, deletion, alarm or general."""
    place: int | None = None
    """Its number in the ledger; None for about a second after it was written."""
    trace: str = ""
    policy_version: str = ""
    input_digest: str = ""
    name: str = ""
    """The present name of who acted; empty where nobody has that handle."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf a change is asked for, as it crosses the bus: a principal, and the token's limits if it used one."""

    id: str
    scopes: list[str] | None = None
    """None for a session, which may do all its person may."""

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        scopes = principal.attributes.get(SCOPES)
        return cls(id=principal.id, scopes=None if scopes is None else scopes.split())
