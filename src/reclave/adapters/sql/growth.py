"""Telling PostgreSQL's planner of tables that have grown.

A connection keeps the plan of a statement until the planner learns something new of its tables. What is planned while a
table is empty reads all rows of a portal, or all there are: nothing tells then that a portal has many. Autovacuum tells
it after a minute or two, in which a busy service writes tens of thousands of rows and reads all of them for every few.
"""

from sqlalchemy import text

from reclave.adapters.sql.engine import PostgresqlDatabase

LEAST_PAGES = 16
"""A table that is smaller is read as fast in any way."""
_LONGEST = "60s"

# `relpages`: how large it was when the planner last heard of it.
_GROWN = text(
    "SELECT c.oid::regclass::text FROM pg_class c"
    " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
    " AND pg_has_role(c.relowner, 'USAGE') AND pg_relation_size(c.oid)"
    " > 2 * greatest(c.relpages, :least / 2) * current_setting('block_size')::bigint"
    " ORDER BY pg_relation_size(c.oid) DESC LIMIT 1"
)


async def note_growth(database: PostgresqlDatabase) -> str | None:
    """Have a table that has more than doubled since looked at (ANALYZE: 30,000 rows at most); which one.

    Tables of another role are left out, and one that is being looked at or cleaned already. Raises what transactions
    raise.
    """
    async with database.writing() as (connection, _now):
        grown: str | None = await connection.scalar(_GROWN, {"least": LEAST_PAGES})
        if grown is not None:
            await connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_LONGEST}'")
            # The name comes quoted from the catalogue.
            await connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {grown}")
    return grown
