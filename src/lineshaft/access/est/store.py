"""Table of the machines that may enrol."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from lineshaft.access.store import METADATA

ENROLMENT = Table(  # one machine that may enrol once, as one principal
    "access_enrolment",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("principal", String(255), ForeignKey("access_principal.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", String(64), unique=True),  # of the one-time token; null where a maker's certificate is the proof
    Column("serial", String(64), nullable=False, server_default=""),  # in the maker's certificate
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
    Column("key", String(64), nullable=False, server_default=""),  # SHA-256 of the public key that it was used with
    Index("access_enrolment_serial", "tenant", "serial"),
)
