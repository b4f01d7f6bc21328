"""Access: who somebody is and what they may do. Principals, sign-in, sessions, API tokens, roles and grants, the keys
that sign everybody's bus credentials, the audit trail.

`Access` is the library for services that answer people; `AccessService` does what needs secrets; `bootstrap` and
`recover` work on a home without anything running. `browser` has what a web server needs for cookies.
Not here: TLS, routes' assembly (`web`), subjects and streams (`bus`).
Everything above may import it; `grants`, `model` and `roles` without a database.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.access.access import Access as Access
    from lineshaft.access.audit import Act as Act
    from lineshaft.access.installation import Bootstrap as Bootstrap
    from lineshaft.access.installation import bootstrap as bootstrap
    from lineshaft.access.installation import recover as recover
    from lineshaft.access.model import Actor as Actor
    from lineshaft.access.model import Session as Session
    from lineshaft.access.settings import AccessSettings as AccessSettings

__all__ = [
    "Access",
    "AccessSettings",
    "Act",
    "Actor",
    "Bootstrap",
    "Session",
    "bootstrap",
    "recover",
]

__getattr__ = door(
    __name__,
    {
        "access": ("Access",),
        "audit": ("Act",),
        "installation": ("Bootstrap", "bootstrap", "recover"),
        "model": ("Actor", "Session"),
        "settings": ("AccessSettings",),
    },
)
