"""Second persons: what one wants to do, another approves, and it is done once.

An approval is bound to who asks, the action, the resource and a digest of what was sent; it counts for fifteen minutes
and for one request. Functions that take a connection work in the caller's transaction.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from lineshaft.access.policy.messages import Approval
from lineshaft.access.policy.store import APPROVAL
from lineshaft.access.principals import projects_of
from lineshaft.access.roles import LADDER
from lineshaft.access.store import PRINCIPAL
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden, NotFound, TooMany
from lineshaft.core.principals import MAIN_PROJECT, Principal

HEADER: Final = "X-Approval"
LIFE_US: Final = 15 * 60 * clock.MICROSECONDS
KEPT_US: Final = 24 * 3600 * clock.MICROSECONDS
OPEN_AT_ONCE: Final = 20
"""Approvals that one principal may wait for at the same time."""
Input = Callable[[], Awaitable[str]]
"""Gives a digest of what was sent."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval is bound to."""

    principal: Principal
    action: str
    resource: str
    input: str
    role: str
    reasons: str = ""


class Brought:
    """What the present request brings along: an approval, or none, and what it was given for."""

    def __init__(self, approval: str = "", sent: Input | None = None) -> None:
        self.approval = approval
        self.sent = sent
        self._used: tuple[str, str, str] | None = None

    def note_use(self, wish: Wish) -> None:
        """The approval was used up for this request."""
        self._used = (wish.principal.id, wish.input, wish.role)

    def covers(self, wish: Wish) -> bool:
        """Whether the approval used up for this request is for this too: one request is decided about more than once."""
        if self._used is None or not wish.input:
            return False
        principal, sent, role = self._used
        return (principal, sent) == (wish.principal.id, wish.input) and _rank(role) >= _rank(wish.role)


_BROUGHT: Final = ContextVar("lineshaft_approval", default=Brought())  # noqa: B039  # never changed: nothing uses it up


def present(approval: str, sent: Input | None = None) -> None:
    """Say which approval the present request brings along, empty for none, and how to digest what was sent."""
    _BROUGHT.set(Brought(approval, sent))


def brought() -> Brought:
    """What the present request brings along."""
    return _BROUGHT.get()


def ask(connection: Connection, tenant: str, wish: Wish) -> tuple[Approval, bool]:
    """The open approval for a wish, and whether it was made just now because there was none.

    Raises:
        TooMany: the principal waits for too many already.
    """
    now = clock.now_us()
    connection.execute(delete(APPROVAL).where(APPROVAL.c.tenant == tenant, APPROVAL.c.created < now - KEPT_US))
    mine = (APPROVAL.c.tenant == tenant, APPROVAL.c.principal == wish.principal.id, *_waiting(now))
    known = connection.execute(select(APPROVAL).where(*mine, *_bound(wish))).first()
    if known is not None:
        return _approval(known), False
    count = connection.scalar(select(func.count()).where(*mine)) or 0
    if count >= OPEN_AT_ONCE:
        raise TooMany(
            "access.approvals_too_many", f"{count} requests of yours already wait for a second person",
            "Let them be approved or refused, or wait until they expire.", count=count, maximum=OPEN_AT_ONCE,
        )  # fmt: skip
    made = Approval(
        id=ids.new_id(), principal=wish.principal.id, name=wish.principal.name, action=wish.action,
        resource=wish.resource, role=wish.role, state="open", created=now, expires=now + LIFE_US,
        reasons=wish.reasons,
    )  # fmt: skip
    connection.execute(insert(APPROVAL).values(tenant=tenant, input=wish.input, **msgspec.structs.asdict(made)))
    return made, True


def use(connection: Connection, tenant: str, approval: str, wish: Wish) -> Approval:
    """Use an approval up.

    Raises:
        Forbidden: nobody has approved it yet, or it is not for this, refused, expired or used.
    """
    now = clock.now_us()
    this = (APPROVAL.c.tenant == tenant, APPROVAL.c.id == approval, *_bound(wish))
    row = connection.execute(select(APPROVAL).where(*this)).one_or_none()
    alive = row is not None and row.created <= now < row.expires
    if not alive or row is None or row.state not in ("open", "approved") or _rank(row.role) < _rank(wish.role):
        raise Forbidden(
            "access.approval_void", f"the approval {approval[:40]!r} does not count for this request",
            "It is for one request, exactly as it was sent first, within 15 minutes. Send the request without it to ask anew.",
            approval=approval[:40],
        )  # fmt: skip
    if row.state == "open":
        raise Forbidden(
            "access.approval_pending", f"nobody has approved {row.id} yet",
            f"Another person who is {row.role} can: `lineshaft policy approve {row.id}`.", approval=row.id,
            role=row.role,
        )  # fmt: skip
    connection.execute(update(APPROVAL).where(APPROVAL.c.id == approval).values(state="used"))
    return _approval(row)


def decide(connection: Connection, tenant: str, approval: str, judge: Principal, *, approve: bool) -> Approval:
    """A second person's verdict.

    Raises:
        NotFound: there is none. Conflict: it is decided or has expired.
        Forbidden: the asker's own, no person, or not of the role that it needs.
    """
    row = connection.execute(
        _asked().where(APPROVAL.c.tenant == tenant, APPROVAL.c.id == approval)
    ).one_or_none()  # fmt: skip
    if row is None or not _shares(row, judge):
        raise _unknown(approval)
    _check_judge(row, judge)
    if row.state != "open" or not row.created <= clock.now_us() < row.expires:
        raise Conflict(
            "access.approval_closed", f"the approval {row.id} is decided or has expired",
            "Let the request be sent again.", approval=row.id,
        )  # fmt: skip
    verdict = {"state": "approved" if approve else "refused", "decided_by": judge.id}
    connection.execute(update(APPROVAL).where(APPROVAL.c.id == approval).values(verdict))
    return msgspec.structs.replace(_approval(row), **verdict)


def waiting(connection: Connection, tenant: str, reader: Principal, *, every: bool) -> list[Approval]:
    """What waits for a verdict, oldest first: of the reader, and what they may decide; or everything."""
    query = _asked().where(APPROVAL.c.tenant == tenant, *_waiting(clock.now_us())).order_by(APPROVAL.c.created)
    rows = [row for row in connection.execute(query) if _shares(row, reader)]
    return [_approval(row) for row in rows if every or row.principal == reader.id or holds(reader, row.role)]


def find(connection: Connection, tenant: str, approval: str, reader: Principal, *, every: bool) -> Approval:
    """One approval, decided or not, for whoever would find it in the list while it waits.

    Raises:
        NotFound: there is none for the reader.
    """
    row = connection.execute(_asked().where(APPROVAL.c.tenant == tenant, APPROVAL.c.id == approval)).one_or_none()
    if row is None or not _shares(row, reader) or not (every or row.principal == reader.id or holds(reader, row.role)):
        raise _unknown(approval)
    over = row.state in ("open", "approved") and clock.now_us() >= row.expires
    return msgspec.structs.replace(_approval(row), state="expired" if over else row.state)


def holds(principal: Principal, role: str) -> bool:
    """Whether somebody has a role, or one above it."""
    return any(_rank(own) >= _rank(role) for own in principal.roles if own in LADDER)


def _unknown(approval: str) -> NotFound:
    return NotFound(
        "access.approval_unknown", f"there is no approval {approval[:40]!r}", "They are kept for a day.",
        approval=approval[:40],
    )  # fmt: skip


def _asked() -> Select[Any]:
    """Approvals with what tells the projects of who asked."""
    columns = (PRINCIPAL.c.kind, PRINCIPAL.c.roles, PRINCIPAL.c.projects)
    return select(APPROVAL, *columns).join(PRINCIPAL, PRINCIPAL.c.id == APPROVAL.c.principal)


def _shares(row: Row[Any], reader: Principal) -> bool:
    """Whether somebody is in a project of who asked: what is asked for may be about its objects."""
    if reader.projects is None or row.principal == reader.id:
        return True
    asking = projects_of(row.kind, row.roles, row.projects)
    return reader.sees(MAIN_PROJECT) if asking is None else not {*asking}.isdisjoint(reader.projects)


def _rank(role: str) -> int:
    return LADDER.index(role)


def _check_judge(row: Row[Any], judge: Principal) -> None:
    if judge.id == row.principal:
        raise Forbidden(
            "access.approval_own", "nobody decides about their own request", "Ask another person.", approval=row.id
        )
    if judge.kind != "person" or not holds(judge, row.role):
        raise Forbidden(
            "access.approval_role", f"{judge.name} is not a person who is {row.role}",
            "Ask a person with that role, signed in or with an API token of theirs.", name=judge.name, role=row.role,
        )  # fmt: skip


def _bound(wish: Wish) -> tuple[Any, ...]:
    return (
        APPROVAL.c.principal == wish.principal.id, APPROVAL.c.action == wish.action,
        APPROVAL.c.resource == wish.resource, APPROVAL.c.input == wish.input,
    )  # fmt: skip


def _waiting(now: int) -> tuple[Any, ...]:
    return (APPROVAL.c.state == "open", APPROVAL.c.created <= now, APPROVAL.c.expires > now)


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        id=row.id, principal=row.principal, name=row.name, action=row.action, resource=row.resource, role=row.role,
        state=row.state, created=row.created, expires=row.expires, decided_by=row.decided_by,
        reasons=row.reasons,
    )  # fmt: skip
