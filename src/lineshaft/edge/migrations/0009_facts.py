"""What a command's refusal is about, by which its sentence is said in other languages."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0009"
down_revision = "edge_0008"


def upgrade() -> None:
    op.add_column("edge_command_step", sa.Column("facts", sa.Text, nullable=False, server_default="{}"))
