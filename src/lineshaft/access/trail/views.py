"""What the routes of the audit trail take and give."""

from typing import Any

import msgspec

from lineshaft.access.model import AuditEntry
from lineshaft.access.trail.messages import Body, Erased, Pruned
from lineshaft.core import clock


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded act."""

    id: str
    seq: int | None
    """Its place in the ledger; null for about a second after it was written."""
    time: str
    principal: str
    name: str
    """Present name of who acted; empty where nobody has that handle."""
    action: str
    resource: str
    outcome: str
    kind: str
    decision: str
    policy_version: str
    input_digest: str
    trace_id: str
    facts: dict[str, Any]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """The audit trail, newest first."""

    items: list[AuditView]
    next: str | None
    """Cursor of the next page; null at the end."""


class ProofView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to show anybody that an entry is in the log, without the log."""

    seq: int
    salt: str
    """Hexadecimal. The log's entry is SHA-256(salt || canonical JSON of body)."""
    body: msgspec.Raw
    size: int
    """Size of the tree that the proof is for."""
    proof: list[str]
    """Hashes in base64, from the leaf upwards (RFC 6962, 2.1.1)."""
    checkpoint: str
    """Signed note of that tree."""
    key: str
    """Verifier key of the log. Compare it with one that you have from elsewhere."""


class PruneBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    before: str | None = None
    """RFC 3339, or an offset such as -200d; the configured retention where not given."""


class PrunedView(msgspec.Struct, frozen=True, kw_only=True):
    """What was pruned."""

    below: int
    """Entries with a lower place are gone; their leaves stay in the ledger."""
    count: int


class ErasedView(msgspec.Struct, frozen=True, kw_only=True):
    """Whose data were erased."""

    principal: str
    keys: list[str]
    """Ids of the keys that were destroyed."""


def audit_view(entry: AuditEntry) -> AuditView:
    return AuditView(
        id=entry.id, seq=entry.place, time=clock.rfc3339(entry.time), principal=entry.principal,
        name=entry.name, action=entry.action, resource=entry.resource, outcome=entry.outcome, kind=entry.kind, decision=entry.decision,
        policy_version=entry.policy_version, input_digest=entry.input_digest, trace_id=entry.trace,
        facts=dict(entry.facts),
    )  # fmt: skip


def body_line(body: Body) -> bytes:
    """One line of `bodies.ndjson`; the body stands in it byte for byte."""
    return b'{"seq":%d,"salt":"%b","body":%b}\n' % (body.place, body.salt.hex().encode(), body.body)


def pruned_view(pruned: Pruned) -> PrunedView:
    return PrunedView(below=pruned.below, count=pruned.count)


def erased_view(erased: Erased) -> ErasedView:
    return ErasedView(principal=erased.principal, keys=erased.keys)
