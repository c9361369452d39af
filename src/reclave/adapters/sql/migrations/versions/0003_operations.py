"""What an operator's commands need: bulk mail, switches of journeys, imports, the schemes of foreign hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Text compares by its bytes on both engines.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns and the tables."""
    op.add_column("outbox", sa.Column("bulk", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("guess", sa.Column("identifier", sa.LargeBinary, nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        # It serves until the next migration has made the one that takes its place.
        op.execute("ALTER INDEX outbox_due RENAME TO outbox_due_before")
    else:
        op.drop_index("outbox_due", "outbox")
    _create_switches()
    _create_imports()


def _create_switches() -> None:
    op.create_table(
        "journey_switch",
        sa.Column("portal", TEXT, primary_key=True, autoincrement=False),
        sa.Column("journey", TEXT, primary_key=True, autoincrement=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("banner", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=True),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )


def _create_imports() -> None:
    op.create_table(
        "account_import",
        sa.Column("portal", TEXT, primary_key=True, autoincrement=False),
        sa.Column("account", TEXT, primary_key=True, autoincrement=False),
        sa.Column("row", sa.LargeBinary, nullable=False),
        sa.Column("credential_version", sa.BigInteger, nullable=False),
        sa.Column("imported_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["portal", "account"], ["account.portal", "account.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "import_run",
        sa.Column("portal", TEXT, primary_key=True, autoincrement=False),
        sa.Column("file", sa.LargeBinary, primary_key=True, autoincrement=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("tallies", TEXT, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "password_scheme",
        sa.Column("portal", TEXT, primary_key=True, autoincrement=False),
        sa.Column("scheme", TEXT, primary_key=True, autoincrement=False),
        sa.Column("accounts", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop what was added."""
    for table in ("password_scheme", "import_run", "account_import", "journey_switch"):
        op.drop_table(table)
    op.drop_column("guess", "identifier")
    unsent = sa.text("due_at IS NOT NULL")
    op.create_index("outbox_due", "outbox", ["state", "due_at"], postgresql_where=unsent, sqlite_where=unsent)
    op.drop_column("outbox", "bulk")
