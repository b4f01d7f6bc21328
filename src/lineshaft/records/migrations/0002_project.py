"""The project of each job: that of the object it is about, else of whoever started it."""

import sqlalchemy as sa
from alembic import op

revision = "records_0002"
down_revision = "records_0001"


def upgrade() -> None:
    op.add_column("records_job", sa.Column("project", sa.String, nullable=False, server_default="main"))
