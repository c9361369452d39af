"""What is known of an account besides its identifiers, and which grants answered an intake."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Text compares by its bytes on both engines.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "account_fact",
        sa.Column("portal", TEXT, primary_key=True, autoincrement=False),
        sa.Column("account", TEXT, primary_key=True, autoincrement=False),
        sa.Column("field", TEXT, primary_key=True, autoincrement=False),
        sa.Column("value", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["portal", "account"], ["account.portal", "account.id"], ondelete="CASCADE"),
    )
    op.create_index("account_fact_by_value", "account_fact", ["portal", "field", "value", "account"])
    op.add_column("intake", sa.Column("grants", TEXT, nullable=True))


def downgrade() -> None:
    """Drop what was added."""
    op.drop_column("intake", "grants")
    op.drop_table("account_fact")
