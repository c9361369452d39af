"""Alembic's environment: `reclave.adapters.sql.migrate` hands over a connection.

It is in a transaction that all migrations share, or, where the tables are in use (`live`), in none: then each migration
has a transaction of its own, in which it locks tables for a moment.
"""

from alembic import context

from reclave.adapters.sql.tables import metadata

live = context.config.attributes["live"]
# SQLite changes a column by copying its table ("batch"); both engines undo a migration that fails half-way.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    transaction_per_migration=live,
    compare_type=True,
    live=live,
)
with context.begin_transaction():
    context.run_migrations()
