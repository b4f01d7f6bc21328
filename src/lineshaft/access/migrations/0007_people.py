"""Passkeys, external identities, sign-ins under way, the emergency code; secrets of sessions that are renewed."""

import sqlalchemy as sa
from alembic import op

revision = "access_0007"
down_revision = "access_0006"

_HANDLE = sa.String(255)
_DIGEST = sa.String(64)
_ID = sa.String(26)


def _principal(*, nullable: bool = False) -> sa.Column[str]:
    reference = sa.ForeignKey("access_principal.id", ondelete="CASCADE")
    return sa.Column("principal", _HANDLE, reference, nullable=nullable, index=True)


def upgrade() -> None:
    # A session of before is due for a new secret at once.
    for column in (
        sa.Column("rotated", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("csrf", sa.String(43), nullable=False, server_default=""),
        sa.Column("previous", _DIGEST),
        sa.Column("previous_until", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("access_session", column)
    op.create_index("ix_access_session_previous", "access_session", ["previous"])
    op.create_table(
        "access_passkey",
        sa.Column("id", _ID, primary_key=True),
        _principal(),
        sa.Column("credential", sa.String(1400), nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("label", sa.String(120), nullable=False),
        sa.Column("transports", sa.JSON, nullable=False),
        sa.Column("synced", sa.Boolean, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "access_identity",
        sa.Column("id", _ID, primary_key=True),
        _principal(),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("managed", sa.Boolean, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
        sa.UniqueConstraint("tenant", "issuer", "subject", name="access_identity_subject"),
    )
    op.create_table(
        "access_ceremony",
        sa.Column("digest", _DIGEST, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        _principal(nullable=True),
        sa.Column("target", sa.String(512), nullable=False),
        sa.Column("address", sa.String(64), nullable=False, index=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_break_glass",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        _principal(),
        sa.Column("digest", _DIGEST, nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.BigInteger),
        sa.Column("used", sa.BigInteger),
        sa.Column("ends", sa.BigInteger),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("acknowledged", sa.BigInteger),
        sa.Column("acknowledged_by", _HANDLE, nullable=False),
    )
    op.create_index("access_break_glass_tenant", "access_break_glass", ["tenant", "created"])
