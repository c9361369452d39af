"""SQLite connections whose callers may be cancelled anywhere, and leave no lock behind.

SQLAlchemy gives up a connection whose statement was cancelled. SQLite then keeps the lock until the garbage collector
has found the statement, and every writer waits for it. So a statement that has begun is finished, and its caller's
cancellation takes effect at the end of the transaction, which is rolled back.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

import aiosqlite

_cancelled: WeakSet[asyncio.Task[Any]] = WeakSet()


class UnhurriedConnection(aiosqlite.Connection):
    """A connection that finishes each statement, and remembers whose cancellation waits."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        future = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, partial(fn, *args, **kwargs)))
        while True:
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None:
                    _cancelled.add(task)


def connect(database: str, **options: Any) -> UnhurriedConnection:
    """A connection that opens when it is awaited, as `aiosqlite.connect` gives one."""
    template = aiosqlite.connect(database, **options)
    connection = UnhurriedConnection(template._connector, 64)  # noqa: SLF001 - how to open is all that is taken
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does with those that it makes
    return connection


def end_if_cancelled() -> None:
    """Raise the CancelledError that this task's statements have put off, if there is one."""
    task = asyncio.current_task()
    if task is not None and task in _cancelled:
        _cancelled.discard(task)
        raise asyncio.CancelledError
