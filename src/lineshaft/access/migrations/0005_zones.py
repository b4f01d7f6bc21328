"""Zones and conduits."""

import sqlalchemy as sa
from alembic import op

revision = "access_0005"
down_revision = "access_0004"


def upgrade() -> None:
    op.create_table(
        "access_zone_plan",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
