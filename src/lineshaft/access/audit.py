"""The audit trail: who did what, and what came of it. Entries are only added.

A change and its entry are written in one transaction: `write(connection, …)` beside the change; within a second `trail`
gives the entry its place in the ledger, where nobody can change it unseen. No entry holds a secret: facts whose name
says one are blanked, and what a stranger typed as a name is never kept (people type passwords there).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, insert, or_, select

from lineshaft.access.model import AuditEntry, Outcome
from lineshaft.access.store import AUDIT
from lineshaft.core import clock, ids, trace

_SECRET_WORDS: Final = ("password", "secret", "cookie", "hash", "seed", "csrf", "bearer")
_LONGEST_TEXT: Final = 500
_KINDS: Final = {
    "sign_in": ("sign_in", "sign_out", "redeem", "password", "recover", "administrator", "passkey", "oidc"),
    "command": ("control", "command"),
    "export": ("export", "backup"),
    "deletion": ("delete", "erase", "prune", "destroy"),
}
_PROOFS: Final = ("token", "certificate", "handshake", "enrol")
"""By what else callers prove who they are: refused, it is a sign-in that failed."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded."""

    principal: str
    action: str
    resource: str
    outcome: Outcome
    decision: str = ""
    facts: Mapping[str, Any] = {}
    policy_version: str = ""
    """Which policies the decision was made by."""
    input_digest: str = ""
    """SHA-256 (hexadecimal) of what was sent, where it came from outside."""
    kind: str = ""
    """sign_in, denial, change, command, export, deletion, alarm or general; told by action and outcome where empty."""


def write(connection: Connection, tenant: str, act: Act) -> str:
    """Add an entry in the caller's transaction; returns its id."""
    entry = ids.new_id()
    row = {
        "id": entry, "time": clock.now_us(), "tenant": tenant, "principal": act.principal, "action": act.action[:64],
        "resource": _short(act.resource), "outcome": act.outcome, "decision": act.decision,
        "facts": _clean(act.facts), "class": act.kind or kind_of(act.action, act.outcome),
        "policy": act.policy_version, "input": act.input_digest, "trace": trace.current(),
    }  # fmt: skip
    connection.execute(insert(AUDIT).values(row))
    return entry


def read(
    connection: Connection, tenant: str, *, before: tuple[int, str] | None, limit: int, principal: str | None = None
) -> list[AuditEntry]:
    """Entries, newest first, older than the (time, id) `before`."""
    query = select(AUDIT).where(AUDIT.c.tenant == tenant).order_by(AUDIT.c.time.desc(), AUDIT.c.id.desc()).limit(limit)
    if principal is not None:
        query = query.where(AUDIT.c.principal == principal)
    if before is not None:
        time, entry = before
        query = query.where(or_(AUDIT.c.time < time, and_(AUDIT.c.time == time, AUDIT.c.id < entry)))
    return [entry_of(row) for row in connection.execute(query)]


def entry_of(row: Row[Any], **personal: Any) -> AuditEntry:
    """An entry from its row, with those of its facts that are kept elsewhere."""
    return AuditEntry(
        id=row.id, time=row.time, principal=row.principal, action=row.action, resource=row.resource,
        outcome=row.outcome, decision=row.decision, facts={**row.facts, **personal}, kind=row._mapping["class"],  # noqa: SLF001
        place=row.leaf, trace=row.trace, policy_version=row.policy, input_digest=row.input,
    )  # fmt: skip


def kind_of(action: str, outcome: str) -> str:
    """What kind of act an action is, by its name."""
    verb = action.partition(":")[2]
    if outcome in ("denied", "locked"):
        return "denial"
    if outcome == "refused" and verb in _PROOFS:
        return "sign_in"
    return next((kind for kind, words in _KINDS.items() if any(word in verb for word in words)), "change")


def _clean(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: "***" if any(word in key.lower() for word in _SECRET_WORDS) else _short(value)
        for key, value in facts.items()
    }


def _short(value: Any) -> Any:
    # A NUL in one entry, which not every database takes, must not keep those written with it out of the trail.
    return value[:_LONGEST_TEXT].replace("\0", "\ufffd") if isinstance(value, str) else value
