"""Hearing PostgreSQL's notifications: its own module, which only a worker on PostgreSQL needs."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from sqlalchemy import make_url

from reclave.adapters.sql.direct import ServerConnection
from reclave.adapters.sql.engine import connectable
from reclave.adapters.sql.notify import CHANNEL

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 10.0
_log = structlog.get_logger("reclave")


async def listen(url: str, heard: Callable[[], None]) -> None:
    """Call `heard` for each notification, and after each connection: something may have been missed.

    Listens on a connection of its own, which PgBouncer may not share out; a lost one is replaced after growing waits.
    Runs until it is cancelled.
    """
    named = connectable(make_url(url), "reclave listener")
    options = dict(named.get_dialect()().create_connect_args(named)[1])
    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            async with await _connected(options) as connection:
                wait = FIRST_WAIT_SECONDS
                heard()
                async for _ in connection.notifies():
                    heard()
        except (psycopg.Error, OSError) as error:
            _log.warning("listener_lost", error=type(error).__name__, seconds=wait)
        # Cut by up to half, so that the listeners of all processes do not come back together.
        await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - nobody need be kept from guessing it
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


async def _connected(options: dict[str, Any]) -> ServerConnection:
    connection = await ServerConnection.connect(**options, autocommit=True, prepare_threshold=None)
    try:
        answered = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        if answered != (connection.info.backend_pid,):
            _log.warning("listener_not_direct")
        await connection.execute(f"LISTEN {CHANNEL}")
    except BaseException:  # also who is cancelled leaves no connection open
        await connection.close()
        raise
    return connection
