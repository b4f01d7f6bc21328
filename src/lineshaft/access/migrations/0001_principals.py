"""Principals, passwords, sessions, tokens, invitations, lock-outs, bus credentials, the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "access_0001"
down_revision = None

_HANDLE = sa.String(255)
_DIGEST = sa.String(64)
_ID = sa.String(26)


def _owner(*, nullable: bool = False) -> sa.Column[str]:
    reference = sa.ForeignKey("access_principal.id", ondelete="CASCADE")
    return sa.Column("principal", _HANDLE, reference, nullable=nullable, index=True)


def _owner_in_key() -> sa.Column[str]:
    reference = sa.ForeignKey("access_principal.id", ondelete="CASCADE")
    return sa.Column("principal", _HANDLE, reference, primary_key=True)


def upgrade() -> None:
    op.create_table(
        "access_principal",
        sa.Column("id", _HANDLE, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.UniqueConstraint("tenant", "name", name="access_principal_name"),
    )
    op.create_table(
        "access_password",
        _owner_in_key(),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_session",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("digest", _DIGEST, nullable=False, unique=True),
        _owner(),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
    )
    op.create_table(
        "access_token",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("digest", _DIGEST, nullable=False),
        _owner(),
        sa.Column("label", sa.String(120), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "access_invitation",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("digest", _DIGEST, nullable=False, unique=True),
        _owner(nullable=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "access_attempt",
        sa.Column("subject", sa.String(80), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("locks", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_address",
        _owner_in_key(),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_credential",
        sa.Column("key", sa.String(64), primary_key=True),
        _owner(),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
    )
    op.create_table(
        "access_audit",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("principal", _HANDLE, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("resource", sa.String(512), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("decision", _ID, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    )
    op.create_index("access_audit_time", "access_audit", ["tenant", "time", "id"])
    op.create_index("access_audit_principal", "access_audit", ["principal", "time"])
