"""Settings of the audit trail: table `[audit]`."""

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from lineshaft.core.settings import Section

FLOOR_DAYS: Final = 180
"""Network logs are kept for at least six months (Cybersecurity Law, article 21)."""


class AuditSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "audit"

    retention_days: Annotated[
        int, Meta(ge=FLOOR_DAYS, le=36500, description="Entries may be pruned once they are older than this.")
    ] = 400
    checkpoint_entries: Annotated[
        int, Meta(ge=1, le=100_000, description="A checkpoint is signed after this many entries, or after a second.")
    ] = 1000
