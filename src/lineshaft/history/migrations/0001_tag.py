"""Tags."""

import sqlalchemy as sa
from alembic import op

revision = "history_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "history_tag",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("handle", sa.String, nullable=False, unique=True),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.BigInteger),
        sa.UniqueConstraint("tenant", "path", name="history_tag_tenant_path"),
    )
