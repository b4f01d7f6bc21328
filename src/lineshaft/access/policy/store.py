"""Tables of policies and approvals. Times are microseconds since 1970 UTC."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from lineshaft.access.store import METADATA

POLICY = Table(  # every version of every text that was ever in force
    "access_policy",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created", BigInteger, nullable=False),
)

POLICY_SET = Table(  # which versions were in force together
    "access_policy_version",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("members", JSON, nullable=False),
    Column("in_force", Boolean, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created", BigInteger, nullable=False),
)

APPROVAL = Table(
    "access_approval",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("principal", String(255), nullable=False),
    Column("name", String(63), nullable=False),
    Column("action", String(64), nullable=False),
    Column("resource", String(512), nullable=False),
    Column("input", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("decided_by", String(255), nullable=False),
    Column("reasons", Text, nullable=False, server_default=""),
    Index("access_approval_open", "tenant", "state", "created"),
)
