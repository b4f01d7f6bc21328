"""Devices, the configurations that gateways run, and what browses found."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "edge_device",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("gateway", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("handle", sa.String, nullable=False, unique=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant", "path", name="edge_device_tenant_path"),
    )
    op.create_table(
        "edge_config",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("gateway", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
    )
    op.create_table(
        "edge_found",
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("found", sa.BigInteger, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
