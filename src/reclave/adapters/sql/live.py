"""What a migration does to a table that is in use and may have many million rows.

On PostgreSQL an index is built beside the writers (CONCURRENTLY), which takes it out of the migration's transaction: a
migration that uses these functions does nothing else, so that it can be run again after it broke off. What an index
that broke off leaves behind, `migrate.upgrade` mends first. Within a transaction that only we see (a new database, a
restored one) and on SQLite indexes are made in the ordinary way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

LOCK_PATIENCE = "1s"
"""How long a statement waits for a lock: whoever comes after it waits as long."""


def create_index(name: str, table: str, columns: Sequence[str], *, where: str | None = None) -> None:
    """Make an index; nothing where there is one of this name."""
    clause = None if where is None else sa.text(where)
    with _beside_writers() as concurrently:
        op.create_index(
            name,
            table,
            list(columns),
            postgresql_where=clause,
            sqlite_where=clause,
            postgresql_concurrently=concurrently,
            if_not_exists=True,
        )


def drop_index(name: str, table: str) -> None:
    """Drop an index; nothing where there is none of this name."""
    with _beside_writers() as concurrently:
        op.drop_index(name, table, postgresql_concurrently=concurrently, if_exists=True)


@contextmanager
def _beside_writers() -> Iterator[bool]:
    """A block outside of transactions; whether it is one."""
    context = op.get_context()
    if not context.opts.get("live"):
        yield False
        return
    with context.autocommit_block():
        # Waiting for those who use the table holds nobody up here.
        op.execute("SET lock_timeout = 0")
        yield True
        op.execute(f"SET lock_timeout = '{LOCK_PATIENCE}'")
