"""Device profiles."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0004"
down_revision = "edge_0003"


def upgrade() -> None:
    op.create_table(
        "edge_profile",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
