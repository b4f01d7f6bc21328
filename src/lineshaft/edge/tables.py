"""Tables of devices, of the configurations made of them, and of what browses found."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

METADATA = MetaData()

DEVICE = Table(
    "edge_device",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("gateway", String, nullable=False),
    Column("path", String, nullable=False),
    Column("handle", String, nullable=False, unique=True),
    Column("document", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("project", String, nullable=False, server_default="main"),
    Column("driver", String, nullable=False, server_default=""),
    Column("endpoint", String, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("points", Integer, nullable=False, server_default="0"),
    UniqueConstraint("tenant", "path", name="edge_device_tenant_path"),
)
CONFIG = Table(
    "edge_config",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("gateway", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("author", String, nullable=False),
    Column("comment", Text, nullable=False),
)
FOUND = Table(
    "edge_found",
    METADATA,
    Column("job", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("found", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
"""What browses found, see `browses`."""
