"""The last step of every sign-in: the new session, the place remembered, the audit entry, in one transaction."""

from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from lineshaft.access import audit, sessions
from lineshaft.access.audit import Act
from lineshaft.access.model import SignedIn
from lineshaft.access.settings import AccessSettings
from lineshaft.access.store import ADDRESS
from lineshaft.core import clock
from lineshaft.core.principals import Principal

KNOWN_ADDRESSES: Final = 20
"""From how many places a person is known; the least recent is forgotten."""


def admit(
    connection: Connection, person: Principal, address: str, settings: AccessSettings, action: str,
    *, previous: str = "", ends: int | None = None, facts: dict[str, Any] | None = None, kind: str = "",
    trail: str = "",
) -> SignedIn:  # fmt: skip
    """Begin a session for somebody who has proved who they are.

    Args:
        action: of the audit entry.
        previous: cookie of the session that this browser had; it ends.
        ends: when the session ends at the latest, where that is not the installation's rule.
        trail: tenant whose audit trail it goes to, where that is not the person's own.
        kind: class of the audit entry, where the action does not tell it.
    """
    if previous:
        sessions.end(connection, previous)
    _remember(connection, person.id, address)
    signed_in = sessions.start(connection, person, address, settings, ends=ends)
    act = Act(
        principal=person.id, action=action, resource=person.id, outcome="done", kind=kind,
        facts={"address": address, "session": signed_in.session.id, **(facts or {})},
    )  # fmt: skip
    audit.write(connection, trail or person.tenant, act)
    return signed_in


def _remember(connection: Connection, person: str, address: str) -> None:
    connection.execute(delete(ADDRESS).where(ADDRESS.c.principal == person, ADDRESS.c.address == address))
    connection.execute(insert(ADDRESS).values(principal=person, address=address, seen=clock.now_us()))
    known = select(ADDRESS.c.address).where(ADDRESS.c.principal == person).order_by(ADDRESS.c.seen.desc())
    forgotten = list(connection.scalars(known))[KNOWN_ADDRESSES:]
    connection.execute(delete(ADDRESS).where(ADDRESS.c.principal == person, ADDRESS.c.address.in_(forgotten)))
