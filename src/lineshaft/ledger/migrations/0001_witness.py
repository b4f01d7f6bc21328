"""What this installation has witnessed of other installations' logs."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ledger_witnessed",
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("disputed", sa.LargeBinary),
        sa.Column("disputed_time", sa.BigInteger),
        sa.Column("forked", sa.Boolean, nullable=False, server_default=sa.false()),
    )
