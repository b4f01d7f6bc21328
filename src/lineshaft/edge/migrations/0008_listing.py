"""What a list of devices is searched and sorted by, beside each device's document."""

import json

import sqlalchemy as sa
from alembic import op

revision = "edge_0008"
down_revision = "edge_0007"

DEVICE = sa.table(
    "edge_device", sa.column("tenant"), sa.column("name"), sa.column("document"), sa.column("driver"),
    sa.column("endpoint"), sa.column("description"), sa.column("points"),
)  # fmt: skip


def upgrade() -> None:
    for name in ("driver", "endpoint"):
        op.add_column("edge_device", sa.Column(name, sa.String, nullable=False, server_default=""))
    op.add_column("edge_device", sa.Column("description", sa.Text, nullable=False, server_default=""))
    op.add_column("edge_device", sa.Column("points", sa.Integer, nullable=False, server_default="0"))
    connection = op.get_bind()
    # The keys first and each document by itself: all documents at once may be more than there is memory.
    for row in connection.execute(sa.select(DEVICE.c.tenant, DEVICE.c.name)).fetchall():
        chosen = (DEVICE.c.tenant == row.tenant) & (DEVICE.c.name == row.name)
        device = json.loads(connection.execute(sa.select(DEVICE.c.document).where(chosen)).scalar_one())
        listed = {
            "driver": device.get("driver", ""), "endpoint": device.get("endpoint", ""),
            "description": device.get("description", ""), "points": len(device.get("points", ())),
        }  # fmt: skip
        connection.execute(sa.update(DEVICE).where(chosen).values(**listed))
