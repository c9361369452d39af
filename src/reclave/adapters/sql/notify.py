"""Waking workers in other processes through PostgreSQL: LISTEN and NOTIFY.

A notification says no more than «look»: what there is to do is in the tables, and whoever misses one finds it by
polling. It is sent after the commit, outside of any transaction that writes: a commit that notifies holds a lock of the
whole server until it is on disk, so that such commits would be made one at a time
(docs/adr/0014-many-processes-on-one-postgresql.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

import structlog
from sqlalchemy.exc import SQLAlchemyError

from reclave.domain.errors import StoreAway

CHANNEL = "reclave"
TOGETHER_SECONDS = 0.01
"""Rings that follow each other this closely are one notification."""
_log = structlog.get_logger("reclave")


class NotifyBell:
    """`ports.entropy.Bell` over the database, for one event loop.

    Args:
        notify: sends one notification.
    """

    def __init__(self, notify: Callable[[], Awaitable[None]]) -> None:
        self._notify = notify
        self._again = False
        self._ringing: asyncio.Task[None] | None = None

    def ring(self) -> None:
        self._again = True
        if self._ringing is None or self._ringing.done():
            # In a context of its own: the first caller's log fields are not the others'.
            self._ringing = asyncio.create_task(self._tell(), context=Context())

    async def close(self) -> None:
        """Wait until what rang has been told."""
        if self._ringing is not None:
            await self._ringing

    async def _tell(self) -> None:
        while self._again:
            self._again = False
            try:
                await self._notify()
            except (SQLAlchemyError, StoreAway, OSError) as error:
                # The work is in the database, and workers look by themselves every second.
                _log.warning("notification_failed", error=type(error).__name__)
            await asyncio.sleep(TOGETHER_SECONDS)
