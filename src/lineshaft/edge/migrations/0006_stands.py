"""What a command's point was when it was asked for; whose the credentials on gateways are."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0006"
down_revision = "edge_0005"


def upgrade() -> None:
    op.add_column("edge_command", sa.Column("stands", sa.String, nullable=False, server_default=""))
    op.create_table(
        "edge_secret",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("gateway", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
