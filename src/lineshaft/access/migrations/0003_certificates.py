"""Certificates, revocation lists, enrolment tokens."""

import sqlalchemy as sa
from alembic import op

revision = "access_0003"
down_revision = "access_0002"


def upgrade() -> None:
    op.create_table(
        "access_certificate",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("principal", sa.String(255), sa.ForeignKey("access_principal.id", ondelete="CASCADE"), index=True),
        sa.Column("profile", sa.String(16), nullable=False),
        sa.Column("suite", sa.String(8), nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("not_after", sa.BigInteger, nullable=False),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
    )
    op.create_index("access_certificate_issued", "access_certificate", ["tenant", "issued", "fingerprint"])
    op.create_table(
        "access_enrolment",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column(
            "principal", sa.String(255), sa.ForeignKey("access_principal.id", ondelete="CASCADE"), nullable=False,
            index=True,
        ),
        sa.Column("digest", sa.String(64), unique=True),
        sa.Column("serial", sa.String(64), nullable=False, server_default=""),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
        sa.Column("key", sa.String(64), nullable=False, server_default=""),
    )  # fmt: skip
    op.create_index("access_enrolment_serial", "access_enrolment", ["tenant", "serial"])
