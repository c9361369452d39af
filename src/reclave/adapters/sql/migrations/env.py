"""Alembic's environment: `reclave.adapters.sql.migrate` hands over a connection that is in a transaction."""

from alembic import context

from reclave.adapters.sql.tables import metadata

connection = context.config.attributes["connection"]
# SQLite changes a column by copying its table ("batch"); both engines undo a migration that fails half-way.
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
