"""Connections to PostgreSQL that know whether they lead to the server itself or to PgBouncer, and what follows."""

from typing import Any

import psycopg

_PREPARED_AFTER = 5
"""How often a statement comes over a direct connection before the server keeps its plan; psycopg's own default."""


class ServerConnection(psycopg.AsyncConnection[Any]):
    """A connection whose running statement is finished, not cancelled, where PgBouncer stands between.

    Statements end within milliseconds, or at their time-out of 5 s. A request to cancel one can end the whole of
    PgBouncer 1.18 (`server in bad state`, issue 822 of its repository), and with it everybody's connections.
    """

    direct = False
    """Whether it is known to lead to the server itself."""

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - the signature is psycopg's
        """Cancel the running statement where that is safe; `timeout` in seconds, as psycopg has it."""
        if self.direct:
            await super().cancel_safe(timeout=timeout)


def prepare_where_direct(connection: Any, _record: object) -> None:
    """Have statements prepared on a connection that leads to the server itself.

    PgBouncer gives each transaction another server connection, without what was prepared before; it names another
    process than the one that answers.
    """
    driver = connection.driver_connection
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    driver.direct = cursor.fetchone() == (driver.info.backend_pid,)
    if driver.direct:
        driver.prepare_threshold = _PREPARED_AFTER
        # For a statement that is its own transaction: it waits for its tables before it can say how long.
        cursor.execute("SET lock_timeout = '3s'")
    cursor.close()
    connection.commit()
