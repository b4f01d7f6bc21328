"""Tables of the ledger: what this installation has witnessed. Times are microseconds since 1970 UTC."""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, String, Table, false

METADATA = MetaData()

WITNESSED = Table(
    "ledger_witnessed",
    METADATA,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),  # the latest that was cosigned, as the log signed it
    Column("time", BigInteger, nullable=False),
    Column("disputed", LargeBinary),  # the latest that the log signed and did not prove to follow from ours
    Column("disputed_time", BigInteger),
    Column(
        "forked", Boolean, nullable=False, server_default=false()
    ),  # it signed two trees of one size: proof by itself
)
