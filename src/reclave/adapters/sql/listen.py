"""Hearing PostgreSQL's notifications: its own module, which only a worker on PostgreSQL needs."""

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import make_url

from reclave.adapters.sql.notify import CHANNEL

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 10.0
_DEFAULTS: dict[str, str | int] = {
    "application_name": "reclave listener",
    "connect_timeout": 5,
    # A server that is gone without a word is noticed within a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_log = structlog.get_logger("reclave")


async def listen(url: str, heard: Callable[[], None]) -> None:
    """Call `heard` for each notification, and after each connection: something may have been missed.

    Listens on a connection of its own, which PgBouncer may not share out; a lost one is replaced after growing waits.
    Runs until it is cancelled.
    """
    conninfo = _conninfo(url)
    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            async with await _connected(conninfo) as connection:
                wait = FIRST_WAIT_SECONDS
                heard()
                async for _ in connection.notifies():
                    heard()
        except (psycopg.Error, OSError) as error:
            _log.warning("listener_lost", error=type(error).__name__, seconds=wait)
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def _conninfo(url: str) -> str:
    """What libpq takes of a store's URL, with defaults for what it leaves open."""
    written = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return make_conninfo("", **{**_DEFAULTS, **conninfo_to_dict(written)})


async def _connected(conninfo: str) -> psycopg.AsyncConnection:
    connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
    try:
        answered = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        if answered != (connection.info.backend_pid,):
            _log.warning("listener_not_direct")
        await connection.execute(f"LISTEN {CHANNEL}")
    except BaseException:
        await connection.close()
        raise
    return connection
