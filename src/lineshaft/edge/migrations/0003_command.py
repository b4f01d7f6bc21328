"""Commands, their transitions, and leases of devices."""

import sqlalchemy as sa
from alembic import op

revision = "edge_0003"
down_revision = "edge_0002"


def upgrade() -> None:
    op.create_table(
        "edge_command",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("point", sa.String, nullable=False),
        sa.Column("gateway", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("principal", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("asker", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.String),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("classification", sa.String, nullable=False),
        sa.Column("approver", sa.String, nullable=False),
        sa.Column("approver_name", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("expiry_seconds", sa.Float, nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant", "principal", "key", name="edge_command_key"),
    )
    op.create_index("edge_command_tenant_created", "edge_command", ["tenant", "created"])
    op.create_index("edge_command_settled", "edge_command", ["settled"])
    op.create_table(
        "edge_command_step",
        sa.Column("command", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "edge_lease",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("device", sa.String, primary_key=True),
        sa.Column("principal", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
