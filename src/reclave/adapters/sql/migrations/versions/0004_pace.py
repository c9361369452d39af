"""Indexes for what is asked of requests, mail and guesses, and for how fast a portal's mail goes."""

from reclave.adapters.sql.live import create_index, drop_index

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the indexes."""
    create_index("intake_by_waiting", "intake", ["portal", "waiting"])
    create_index("outbox_due", "outbox", ["state", "bulk", "due_at"], where="due_at IS NOT NULL")
    drop_index("outbox_due_before", "outbox")
    create_index("outbox_failed", "outbox", ["created_at"], where="state = 'failed'")
    create_index("outbox_by_portal", "outbox", ["portal", "bulk", "created_at"])
    create_index("guess_by_identifier", "guess", ["portal", "identifier"], where="identifier IS NOT NULL")


def downgrade() -> None:
    """Drop them."""
    drop_index("guess_by_identifier", "guess")
    drop_index("outbox_by_portal", "outbox")
    drop_index("outbox_failed", "outbox")
    drop_index("outbox_due", "outbox")
    drop_index("intake_by_waiting", "intake")
