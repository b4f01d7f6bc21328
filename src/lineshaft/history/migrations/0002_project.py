"""The project of each tag: that of its device."""

import sqlalchemy as sa
from alembic import op

revision = "history_0002"
down_revision = "history_0001"


def upgrade() -> None:
    op.add_column("history_tag", sa.Column("project", sa.String, nullable=False, server_default="main"))
