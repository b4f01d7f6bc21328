"""Why something takes a second person, for whoever approves it."""

import sqlalchemy as sa
from alembic import op

revision = "access_0009"
down_revision = "access_0008"


def upgrade() -> None:
    op.add_column("access_approval", sa.Column("reasons", sa.Text, nullable=False, server_default=""))
