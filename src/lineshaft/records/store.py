"""The tables of this package. Times are microseconds UTC; growing numbers never come back after a deletion."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

OUTBOX = Table(
    "records_outbox",
    METADATA,
    # SQLite grows only the type INTEGER by itself; it is 64 bits wide there.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("subject", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("refused", Text),
    sqlite_autoincrement=True,
)

LEASE = Table(
    "records_lease",
    METADATA,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("beat", BigInteger, nullable=False),
)

IDEMPOTENCY = Table(
    "records_idempotency",
    METADATA,
    Column("principal", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("status", Integer),
    Column("headers", JSON(none_as_null=True)),
    Column("body", LargeBinary),
    Column("created", BigInteger, nullable=False),
    Index("records_idempotency_created", "created"),
)

JOB = Table(
    "records_job",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("title", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("project", String, nullable=False, server_default="main"),
    Column("runner", String, nullable=False),
    Column("state", String, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("message", Text, nullable=False),
    Column("cursor", JSON(none_as_null=True)),
    Column("result", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index("records_job_runner_state", "runner", "state"),
)
