"""Points with rules for writing that were taken out lately."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0007"
down_revision = "edge_0006"


def upgrade() -> None:
    op.create_table(
        "edge_remembered",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
