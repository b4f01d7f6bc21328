"""Which gateways have, or had, which tags."""

import sqlalchemy as sa
from alembic import op

revision = "history_0003"
down_revision = "history_0002"


def upgrade() -> None:
    op.create_table(
        "history_owner",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("gateway", sa.String, primary_key=True),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
    )
