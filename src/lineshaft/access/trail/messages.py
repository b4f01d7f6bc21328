"""What the access service is asked about the audit trail. Only `web` may ask; on whose behalf stands in `actor`."""

import msgspec

from lineshaft.access.model import Actor, AuditEntry
from lineshaft.access.trail.queries import Filter


class SearchTrail(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    wanted: Filter
    before: tuple[int, str] | None = None
    limit: int = 100


class FoundEntries(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    entries: list[AuditEntry]


class ReadBodies(msgspec.Struct, frozen=True, kw_only=True):
    """Bodies in the order of the ledger, from a place on."""

    actor: Actor
    place: int
    limit: int = 1000


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What one leaf of the ledger stands for: its entry there is SHA-256(salt || body)."""

    place: int
    salt: bytes
    body: bytes
    """Canonical JSON."""


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Body]
    next: int | None
    """Place to go on from; None at the end."""


class ReadEntry(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    entry: str
    """Id, or place in the ledger."""


class PruneTrail(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    before: int | None = None
    """Entries older than this moment, microseconds since 1970; None: older than the configured retention."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    below: int
    """Entries with a lower place are gone; their leaves are still in the ledger."""
    count: int


class ErasePerson(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    """Of a person who is revoked."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    principal: str
    keys: list[str]
    """Ids of the keys that were destroyed."""
