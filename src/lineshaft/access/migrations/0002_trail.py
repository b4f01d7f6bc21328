"""Zones and clearances of principals; the audit trail in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "access_0002"
down_revision = "access_0001"


def upgrade() -> None:
    op.add_column("access_principal", sa.Column("zone", sa.String(63), nullable=False, server_default=""))
    op.add_column("access_principal", sa.Column("clearance", sa.Integer, nullable=False, server_default="3"))
    for column in (
        sa.Column("class", sa.String(16), nullable=False, server_default="general"),
        sa.Column("policy", sa.String(64), nullable=False, server_default=""),
        sa.Column("input", sa.String(64), nullable=False, server_default=""),
        sa.Column("trace", sa.String(64), nullable=False, server_default=""),
        sa.Column("leaf", sa.BigInteger),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary),
    ):
        op.add_column("access_audit", column)
    op.create_index("access_audit_leaf", "access_audit", ["tenant", "leaf"])
