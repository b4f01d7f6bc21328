"""Outbox, leases, idempotency keys, jobs."""

import sqlalchemy as sa
from alembic import op

revision = "records_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "records_outbox",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "records_lease",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "records_idempotency",
        sa.Column("principal", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.JSON),
        sa.Column("body", sa.LargeBinary),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("records_idempotency_created", "records_idempotency", ["created"])
    op.create_table(
        "records_job",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("runner", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("cursor", sa.JSON),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_index("records_job_runner_state", "records_job", ["runner", "state"])
