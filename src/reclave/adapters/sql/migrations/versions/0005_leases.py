"""What only one process of several does at a time: who does it, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Text compares by its bytes on both engines.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "lease",
        sa.Column("name", TEXT, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("lease")
