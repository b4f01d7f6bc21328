"""Tables of labels, lineage, exports, datasets, holds, leak notices and canaries. Times are microseconds since 1970."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from lineshaft.access.store import METADATA

_ID = String(26)
_TENANT = String(64)
_KIND = String(16)
_OBJECT = String(500)
_WHO = String(255)

LABEL = Table(
    "access_label",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("kind", _KIND, nullable=False),
    Column("object", _OBJECT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("domain", String(32), nullable=False),
    Column("grade_2020", Integer, nullable=False),
    Column("grade_2022", String(16), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("retention_days", Integer),
    Column("export", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", _WHO, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("decided_by", _WHO),
    Column("decided", BigInteger),
    UniqueConstraint("tenant", "kind", "object", "version", name="access_label_version"),
    Index("access_label_state", "tenant", "state"),
)

LINEAGE = Table(  # what was derived from what
    "access_lineage",
    METADATA,
    Column("tenant", _TENANT, primary_key=True),
    Column("kind", _KIND, primary_key=True),
    Column("object", _OBJECT, primary_key=True),
    Column("source_kind", _KIND, primary_key=True),
    Column("source", _OBJECT, primary_key=True),
    Column("rule", String(63)),  # name of the declassification that was applied
    Column("author", _WHO, nullable=False),
    Column("created", BigInteger, nullable=False),
)

DECLASSIFICATION = Table(
    "access_declassification",
    METADATA,
    Column("tenant", _TENANT, primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("kind", _KIND, nullable=False),
    Column("source", _OBJECT, nullable=False),  # a path that the sources lie at or below
    Column("grade_2020", Integer, nullable=False),
    Column("grade_2022", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("approver", _WHO, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("withdrawn", BigInteger),
)

EGRESS = Table(  # what left, to whom: the ledger of volumes
    "access_egress",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("principal", _WHO, nullable=False),
    Column("recipient", _WHO, nullable=False),
    Column("outside", Boolean, nullable=False),
    Column("purpose", String(63), nullable=False),
    Column("what", _OBJECT, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("grade_2020", Integer, nullable=False),
    Column("grade_2022", String(16), nullable=False),
    Column("decision", _ID, nullable=False),
    Column("whole", Boolean, nullable=False),  # false where the recipient left, or the limit cut it off
    Index("access_egress_recipient", "tenant", "recipient", "time"),
)

APPROVAL = Table(  # exports that somebody may make
    "access_export_approval",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("kind", _KIND, nullable=False),
    Column("object", _OBJECT, nullable=False),
    Column("recipient", _WHO, nullable=False),
    Column("purpose", String(63), nullable=False),
    Column("reason", Text, nullable=False),
    Column("approver", _WHO, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

DATASET = Table(
    "access_dataset",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("name", String(63), nullable=False),
    Column("key", _ID, nullable=False),
    Column("place", String(500), nullable=False),
    Column("author", _WHO, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("erased", BigInteger),
    Column("erased_by", _WHO),
    Column("project", String(63), nullable=False, server_default="main"),
    UniqueConstraint("tenant", "name", name="access_dataset_name"),
)

HOLD = Table(
    "access_hold",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("kind", _KIND, nullable=False),
    Column("object", _OBJECT, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", _WHO, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("released", BigInteger),
    Column("released_by", _WHO),
    Column("release_reason", Text),
)

LEAK = Table(
    "access_leak",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("title", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("reported", BigInteger),
    Column("steps", JSON, nullable=False),  # each: state, time, by, text
)

CANARY = Table(
    "access_canary",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", _TENANT, nullable=False),
    Column("egress", _ID, nullable=False),
    Column("recipient", _WHO, nullable=False),
    Column("path", _OBJECT, nullable=False),
    Column("time", BigInteger, nullable=False),  # of the planted row
    Column("value", Float),
    Column("planted", BigInteger, nullable=False),
)
