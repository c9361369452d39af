"""Hashes of other systems wait sealed until they are wrapped: an index of those that do."""

from reclave.adapters.sql.live import create_index, drop_index

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the index."""
    sealed = "password_hash >= 'sealed:' AND password_hash < 'sealed;'"
    create_index("account_sealed", "account", ["portal", "id"], where=sealed)


def downgrade() -> None:
    """Drop it."""
    drop_index("account_sealed", "account")
