"""The first version of a dashboard that others than its owner may see. Of those there are, nobody knows: the newest."""

import sqlalchemy as sa
from alembic import op

revision = "web_0002"
down_revision = "web_0001"

DASHBOARD = sa.table("web_dashboard", sa.column("version"), sa.column("since"))


def upgrade() -> None:
    op.add_column("web_dashboard", sa.Column("since", sa.Integer, nullable=False, server_default="1"))
    op.get_bind().execute(sa.update(DASHBOARD).values(since=DASHBOARD.c.version))
