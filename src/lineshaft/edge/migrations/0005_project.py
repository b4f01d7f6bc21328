"""The project of each device, which its tags follow, and of each command: that of its device when it was given."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0005"
down_revision = "edge_0004"


def upgrade() -> None:
    op.add_column("edge_device", sa.Column("project", sa.String, nullable=False, server_default="main"))
    op.add_column("edge_command", sa.Column("project", sa.String, nullable=False, server_default="main"))
