"""Table of every certificate the installation issued, and of its own authorities. Times are microseconds UTC."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from lineshaft.access.store import METADATA

CERTIFICATE = Table(
    "access_certificate",
    METADATA,
    Column("fingerprint", String(64), primary_key=True),  # SHA-256 of the DER, hexadecimal
    Column("serial", String(40), nullable=False),  # hexadecimal
    Column("tenant", String(64), nullable=False),
    # Null for the authority's own certificates.
    Column("principal", String(255), ForeignKey("access_principal.id", ondelete="CASCADE"), index=True),
    Column("profile", String(16), nullable=False),
    Column("suite", String(8), nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("reason", String(32), nullable=False),
    Column("pem", Text, nullable=False),
    Index("access_certificate_issued", "tenant", "issued", "fingerprint"),
)
