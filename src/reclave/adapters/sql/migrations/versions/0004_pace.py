"""How fast a portal's mail goes is read every minute: an index in the order of its time."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index."""
    op.create_index("outbox_by_portal", "outbox", ["portal", "bulk", "created_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("outbox_by_portal", "outbox")
