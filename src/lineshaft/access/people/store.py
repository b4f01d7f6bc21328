"""Tables of sign-in beside passwords: passkeys, external identities, ceremonies under way, the emergency code."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table
from sqlalchemy.schema import UniqueConstraint

from lineshaft.access.store import METADATA

_HANDLE = String(255)
_DIGEST = String(64)
_ID = String(26)


def _principal(*, nullable: bool = False) -> Column[str]:
    reference = ForeignKey("access_principal.id", ondelete="CASCADE")
    return Column("principal", _HANDLE, reference, nullable=nullable, index=True)


PASSKEY = Table(
    "access_passkey",
    METADATA,
    Column("id", _ID, primary_key=True),
    _principal(),
    Column("credential", String(1400), nullable=False, unique=True),  # id that the authenticator chose, base64url
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("counter", BigInteger, nullable=False),
    Column("label", String(120), nullable=False),
    Column("transports", JSON, nullable=False),
    Column("synced", Boolean, nullable=False),  # its owner's devices share it
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger),
)

IDENTITY = Table(  # who somebody is at an external provider
    "access_identity",
    METADATA,
    Column("id", _ID, primary_key=True),
    _principal(),
    Column("tenant", String(64), nullable=False),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("managed", Boolean, nullable=False),  # made at the first sign-in: the provider's groups are its roles
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger),
    UniqueConstraint("tenant", "issuer", "subject", name="access_identity_subject"),
)

CEREMONY = Table(  # a registration or sign-in that one browser has begun
    "access_ceremony",
    METADATA,
    Column("digest", _DIGEST, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    _principal(nullable=True),
    Column("target", String(512), nullable=False),
    Column("address", String(64), nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

BREAK_GLASS = Table(  # emergency codes; the newest one counts
    "access_break_glass",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("tenant", String(64), nullable=False),
    _principal(),
    Column("digest", _DIGEST, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("withdrawn", BigInteger),
    Column("used", BigInteger),
    Column("ends", BigInteger),
    Column("address", String(64), nullable=False),
    Column("acknowledged", BigInteger),
    Column("acknowledged_by", _HANDLE, nullable=False),
    Index("access_break_glass_tenant", "tenant", "created"),
)
