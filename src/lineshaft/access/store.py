"""Tables of access. Times are microseconds since 1970 UTC; secrets are kept as SHA-256 or Argon2id only."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.schema import UniqueConstraint

METADATA = MetaData()

_HANDLE = String(255)
_DIGEST = String(64)
_ID = String(26)


def _owner() -> Column[str]:
    return Column(
        "principal", _HANDLE, ForeignKey("access_principal.id", ondelete="CASCADE"), nullable=False, index=True
    )


PRINCIPAL = Table(
    "access_principal",
    METADATA,
    Column("id", _HANDLE, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(63), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("zone", String(63), nullable=False, server_default=""),
    Column("clearance", Integer, nullable=False, server_default="3"),
    Column("projects", JSON(none_as_null=True)),  # sorted names; null where nobody has said: the project `main`
    UniqueConstraint("tenant", "name", name="access_principal_name"),
)

PASSWORD = Table(
    "access_password",
    METADATA,
    Column("principal", _HANDLE, ForeignKey("access_principal.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

SESSION = Table(
    "access_session",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    _owner(),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
    Column("rotated", BigInteger, nullable=False, server_default="0"),  # when the present secret was made
    Column("csrf", String(43), nullable=False, server_default=""),  # empty until the first secret is replaced
    Column("previous", _DIGEST, index=True),  # the secret before, good for requests under way
    Column("previous_until", BigInteger, nullable=False, server_default="0"),
)

TOKEN = Table(
    "access_token",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("digest", _DIGEST, nullable=False),
    _owner(),
    Column("label", String(120), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
)

INVITATION = Table(
    "access_invitation",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    # Null where the holder chooses the name of a new administrator.
    Column("principal", _HANDLE, ForeignKey("access_principal.id", ondelete="CASCADE"), index=True),
    Column("tenant", String(64), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
)

ATTEMPT = Table(
    "access_attempt",
    METADATA,
    Column("subject", String(80), primary_key=True),  # whom or what the failures are counted for
    Column("failures", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("locks", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
)

ADDRESS = Table(  # from where a person has signed in before
    "access_address",
    METADATA,
    Column("principal", _HANDLE, ForeignKey("access_principal.id", ondelete="CASCADE"), primary_key=True),
    Column("address", String(64), primary_key=True),
    Column("seen", BigInteger, nullable=False),
)

CREDENTIAL = Table(  # keys that were given to principals for the bus
    "access_credential",
    METADATA,
    Column("key", String(64), primary_key=True),
    _owner(),
    Column("issued", BigInteger, nullable=False),
    Column("revoked", BigInteger),
)

AUDIT = Table(
    "access_audit",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("principal", _HANDLE, nullable=False),
    Column("action", String(64), nullable=False),
    Column("resource", String(512), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("decision", _ID, nullable=False),
    Column("facts", JSON, nullable=False),  # empty once the entry is in the ledger: the body has them
    Column("class", String(16), nullable=False, server_default="general"),
    Column("policy", String(64), nullable=False, server_default=""),
    Column("input", String(64), nullable=False, server_default=""),
    Column("trace", String(64), nullable=False, server_default=""),
    Column("leaf", BigInteger),  # place in the ledger; null until it has one
    Column("salt", LargeBinary),
    Column("body", LargeBinary),  # what the ledger's leaf stands for; null once it is pruned
    Index("access_audit_time", "tenant", "time", "id"),
    Index("access_audit_principal", "principal", "time"),
    Index("access_audit_leaf", "tenant", "leaf"),
)
