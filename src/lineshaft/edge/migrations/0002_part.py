"""Documents of gateway parts."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0002"
down_revision = "edge_0001"


def upgrade() -> None:
    op.create_table(
        "edge_part",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("gateway", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
