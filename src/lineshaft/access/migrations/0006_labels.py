"""Labels, datasets, keys, holds, leak notices, canaries."""

import sqlalchemy as sa
from alembic import op

revision = "access_0006"
down_revision = "access_0005"

_ID = sa.String(26)
_TENANT = sa.String(64)
_KIND = sa.String(16)
_OBJECT = sa.String(500)
_WHO = sa.String(255)


def upgrade() -> None:
    op.create_table(
        "access_key",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(63), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("destroyed", sa.BigInteger),
    )
    op.create_index("access_key_subject", "access_key", ["tenant", "purpose", "subject"])
    op.create_table(
        "access_label",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("kind", _KIND, nullable=False),
        sa.Column("object", _OBJECT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("domain", sa.String(32), nullable=False),
        sa.Column("grade_2020", sa.Integer, nullable=False),
        sa.Column("grade_2022", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("retention_days", sa.Integer),
        sa.Column("export", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", _WHO, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("decided_by", _WHO),
        sa.Column("decided", sa.BigInteger),
        sa.UniqueConstraint("tenant", "kind", "object", "version", name="access_label_version"),
    )
    op.create_index("access_label_state", "access_label", ["tenant", "state"])
    op.create_table(
        "access_lineage",
        sa.Column("tenant", _TENANT, primary_key=True),
        sa.Column("kind", _KIND, primary_key=True),
        sa.Column("object", _OBJECT, primary_key=True),
        sa.Column("source_kind", _KIND, primary_key=True),
        sa.Column("source", _OBJECT, primary_key=True),
        sa.Column("rule", sa.String(63)),
        sa.Column("author", _WHO, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_declassification",
        sa.Column("tenant", _TENANT, primary_key=True),
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("kind", _KIND, nullable=False),
        sa.Column("source", _OBJECT, nullable=False),
        sa.Column("grade_2020", sa.Integer, nullable=False),
        sa.Column("grade_2022", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approver", _WHO, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.BigInteger),
    )
    op.create_table(
        "access_egress",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("principal", _WHO, nullable=False),
        sa.Column("recipient", _WHO, nullable=False),
        sa.Column("outside", sa.Boolean, nullable=False),
        sa.Column("purpose", sa.String(63), nullable=False),
        sa.Column("what", _OBJECT, nullable=False),
        sa.Column("objects", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("grade_2020", sa.Integer, nullable=False),
        sa.Column("grade_2022", sa.String(16), nullable=False),
        sa.Column("decision", _ID, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
    )
    op.create_index("access_egress_recipient", "access_egress", ["tenant", "recipient", "time"])
    op.create_table(
        "access_export_approval",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("kind", _KIND, nullable=False),
        sa.Column("object", _OBJECT, nullable=False),
        sa.Column("recipient", _WHO, nullable=False),
        sa.Column("purpose", sa.String(63), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approver", _WHO, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_dataset",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("key", _ID, nullable=False),
        sa.Column("place", sa.String(500), nullable=False),
        sa.Column("author", _WHO, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("erased", sa.BigInteger),
        sa.Column("erased_by", _WHO),
        sa.UniqueConstraint("tenant", "name", name="access_dataset_name"),
    )
    op.create_table(
        "access_hold",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("kind", _KIND, nullable=False),
        sa.Column("object", _OBJECT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", _WHO, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("released", sa.BigInteger),
        sa.Column("released_by", _WHO),
        sa.Column("release_reason", sa.Text),
    )
    op.create_table(
        "access_leak",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("reported", sa.BigInteger),
        sa.Column("steps", sa.JSON, nullable=False),
    )
    op.create_table(
        "access_canary",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", _TENANT, nullable=False),
        sa.Column("egress", _ID, nullable=False),
        sa.Column("recipient", _WHO, nullable=False),
        sa.Column("path", _OBJECT, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("planted", sa.BigInteger, nullable=False),
    )
