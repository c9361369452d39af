"""Every table of the first release."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Text compares by its bytes on both engines.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.BigInteger
NUMBER = sa.BigInteger
BYTES = sa.LargeBinary

# The number is taken under a lock on the one before it; CASE fixes that order (see `adapters/sql/audit.py`).
AUDIT_NUMBER = """
    CASE WHEN pg_try_advisory_xact_lock_shared(
        (x'5243'::bigint << 48) | coalesce(pg_sequence_last_value('audit_number'::regclass), 0)
    ) THEN nextval('audit_number'::regclass) END
"""


def upgrade() -> None:
    """Create the tables."""
    _create_accounts()
    _create_grants()
    _create_intakes()
    _create_outbox()
    _create_sessions()
    _create_counters()
    _create_audit()
    _create_cases()


def downgrade() -> None:
    """Drop everything."""
    for table in (
        "help_case",
        "audit_batch",
        "audit",
        "turned_away",
        "rate_limit",
        "guess",
        "device",
        "session",
        "delivery",
        "outbox",
        "intake",
        "recovery_grant",
        "account_identifier",
        "account",
    ):
        op.drop_table(table)
    if _on_postgresql():
        op.execute("DROP SEQUENCE audit_number")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _key(name: str, of: Any = TEXT) -> sa.Column[Any]:
    return sa.Column(name, of, primary_key=True, autoincrement=False)


def _given(name: str, of: Any = TEXT) -> sa.Column[Any]:
    return sa.Column(name, of, nullable=False)


def _maybe(name: str, of: Any = TEXT) -> sa.Column[Any]:
    return sa.Column(name, of, nullable=True)


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=clause, sqlite_where=clause)


def _create_accounts() -> None:
    op.create_table(
        "account",
        _key("portal"),
        _key("id"),
        _given("status"),
        _given("credential_version", NUMBER),
        _maybe("address"),
        _maybe("address_canonical"),
        _maybe("address_provenance"),
        _maybe("next_address"),
        _maybe("next_address_canonical"),
        _maybe("next_address_at", INSTANT),
        _maybe("password_hash"),
        _given("password_blocked", sa.Boolean),
        _maybe("language"),
        _given("created_at", INSTANT),
        _given("changed_at", INSTANT),
    )
    by_address = ["portal", "address_canonical", "id"]
    _partial_index("account_by_address", "account", by_address, "address_canonical IS NOT NULL")
    _partial_index("account_by_next_address_at", "account", ["next_address_at"], "next_address_at IS NOT NULL")
    op.create_table(
        "account_identifier",
        _key("portal"),
        _key("field"),
        _key("value"),
        _given("account"),
        sa.ForeignKeyConstraint(["portal", "account"], ["account.portal", "account.id"], ondelete="CASCADE"),
    )
    op.create_index("account_identifier_by_account", "account_identifier", ["portal", "account", "field", "value"])


def _create_grants() -> None:
    op.create_table(
        "recovery_grant",
        _key("portal"),
        _key("id", BYTES),
        _given("account"),
        _given("purpose"),
        _given("presentation"),
        _given("state"),
        _given("credential_version", NUMBER),
        _given("key_id"),
        _given("issued_at", INSTANT),
        _given("expires_at", INSTANT),
        _given("requested_at", INSTANT),
        _maybe("opened_at", INSTANT),
        _maybe("ended_at", INSTANT),
        _given("reference"),
        _given("tries", NUMBER),
        _given("context", BYTES),
        _maybe("sealed", BYTES),
    )
    op.create_index("recovery_grant_by_account", "recovery_grant", ["portal", "account", "issued_at"])
    op.create_index("recovery_grant_by_expiry", "recovery_grant", ["state", "expires_at"])
    op.create_index("recovery_grant_by_ended_at", "recovery_grant", ["ended_at"])
    one_live = ["portal", "account", "purpose"]
    live = "state IN ('issued', 'applying')"
    _partial_index("recovery_grant_one_live", "recovery_grant", one_live, live, unique=True)


def _create_intakes() -> None:
    op.create_table(
        "intake",
        _key("portal"),
        _key("id", BYTES),
        _given("journey"),
        _maybe("sealed_fields", BYTES),
        _given("identifier", BYTES),
        _given("client", BYTES),
        _given("language"),
        _given("waiting", BYTES),
        _given("reference"),
        _given("accepted_at", INSTANT),
        _maybe("outcome"),
        _given("fence", NUMBER),
        _given("claimed_until", INSTANT),
    )
    op.create_index("intake_by_accepted_at", "intake", ["accepted_at"])
    _partial_index("intake_unresolved", "intake", ["accepted_at"], "outcome IS NULL")


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _key("portal"),
        _key("id", BYTES),
        _given("template"),
        _given("language"),
        _given("message_id"),
        _given("reference"),
        _given("sealed", BYTES),
        _given("recipient", BYTES),
        _given("grants"),
        _maybe("report", BYTES),
        _given("needs_grant", sa.Boolean),
        _given("created_at", INSTANT),
        _given("attempts", NUMBER),
        _given("fence", NUMBER),
        _given("state"),
        _maybe("due_at", INSTANT),
        _maybe("was_due_at", INSTANT),
    )
    op.create_index("outbox_by_created_at", "outbox", ["created_at"])
    op.create_index("outbox_by_recipient", "outbox", ["portal", "recipient", "template", "created_at"])
    _partial_index("outbox_due", "outbox", ["state", "due_at"], "due_at IS NOT NULL")
    op.create_table(
        "delivery",
        _key("portal"),
        _key("message", BYTES),
        _key("number", sa.Integer),
        _given("began_at", INSTANT),
        _maybe("ended_at", INSTANT),
        _maybe("answer"),
        _maybe("code", sa.Integer),
        _maybe("text"),
        sa.ForeignKeyConstraint(["portal", "message"], ["outbox.portal", "outbox.id"], ondelete="CASCADE"),
    )


def _create_sessions() -> None:
    op.create_table(
        "session",
        _key("portal"),
        _key("digest", BYTES),
        _given("account"),
        _given("kind"),
        _given("credential_version", NUMBER),
        _maybe("grant", BYTES),
        _given("device"),
        _given("client", BYTES),
        _given("started_at", INSTANT),
        _given("last_seen_at", INSTANT),
    )
    op.create_index("session_by_account", "session", ["portal", "account"])
    op.create_index("session_by_last_seen_at", "session", ["last_seen_at"])
    op.create_table("device", _key("portal"), _key("device", BYTES), _key("account"), _given("used_at", INSTANT))
    op.create_index("device_by_used_at", "device", ["used_at"])


def _create_counters() -> None:
    op.create_table(
        "guess",
        _key("portal"),
        _key("guess"),
        _key("subject", BYTES),
        _given("failures", NUMBER),
        _given("blocked_until", INSTANT),
        _given("counted_at", INSTANT),
    )
    op.create_index("guess_by_counted_at", "guess", ["counted_at"])
    op.create_table(
        "rate_limit",
        _key("key", BYTES),
        _given("tat", INSTANT),
        _given("taken", NUMBER),
        _given("wanted", NUMBER),
        _given("depth", NUMBER),
        _given("interval", NUMBER),
        _given("taken_at", INSTANT),
        # Disposable: a crash of the server empties it, and nothing waits for the disk.
        prefixes=["UNLOGGED"] if _on_postgresql() else [],
        sqlite_with_rowid=False,
    )
    op.create_table("turned_away", _key("portal"), _key("hour", NUMBER), _given("requests", NUMBER))


def _create_audit() -> None:
    number = sa.Column("number", sa.Integer, primary_key=True)
    if _on_postgresql():
        op.execute("CREATE SEQUENCE audit_number")
        number = sa.Column(
            "number", NUMBER, primary_key=True, autoincrement=False, server_default=sa.text(AUDIT_NUMBER)
        )
    op.create_table(
        "audit",
        number,
        _given("portal"),
        _given("event"),
        _maybe("account"),
        _given("client", BYTES),
        _given("reference"),
        _given("detail"),
        _given("at", INSTANT),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_account", "audit", ["portal", "account", "number"])
    op.create_table(
        "audit_batch",
        _key("number", NUMBER),
        _given("first", NUMBER),
        _given("last", NUMBER),
        _given("seal", BYTES),
        _given("key_id"),
    )


def _create_cases() -> None:
    op.create_table(
        "help_case",
        _key("portal"),
        _key("id", BYTES),
        _given("account"),
        _given("kind"),
        _given("reference"),
        _given("opened_at", INSTANT),
        _maybe("closed_at", INSTANT),
    )
    op.create_index("help_case_by_account", "help_case", ["portal", "account", "opened_at"])
