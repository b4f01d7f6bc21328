"""Projects and their members; the project of datasets; tenants beside the installation's own."""

import sqlalchemy as sa
from alembic import op

revision = "access_0008"
down_revision = "access_0007"


def upgrade() -> None:
    op.add_column("access_principal", sa.Column("projects", sa.JSON))
    op.add_column("access_dataset", sa.Column("project", sa.String(63), nullable=False, server_default="main"))
    op.create_table(
        "access_project",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("handle", sa.String(255), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.BigInteger),
    )
    op.create_table(
        "access_tenant",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("handle", sa.String(255), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
