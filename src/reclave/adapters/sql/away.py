"""A PostgreSQL that does not answer: who may try again and when, and what everybody else is told meanwhile."""

import math
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reclave.domain.errors import StoreAway

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 4.0
_WAITED_TOO_LONG = {"55P03", "57014"}  # lock_not_available, query_canceled
_READ_ONLY = "25006"
_log = structlog.get_logger("reclave")


class ReadOnlyServer(Exception):
    """The server takes no writes: it has become a standby, or its disk is full."""


def is_away(error: BaseException) -> bool:
    """Whether an error is the server's or the connection's own, and not that of what was asked."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError)


def is_of_the_database(error: BaseException) -> bool:
    """Whether what could not be written may pass in a moment, over another connection: `is_away`, or read-only."""
    refused = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _READ_ONLY
    return refused or isinstance(error, StoreAway) or is_away(error)


def gave_up_waiting(error: BaseException) -> bool:
    """Whether PostgreSQL undid a statement because it had waited too long: for a lock, or in all."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _WAITED_TOO_LONG


def said(error: BaseException) -> str:
    """An error in one line, without the statement that it met."""
    lines = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()
    return lines[0] if lines else type(error).__name__


class Attempts:
    """Lets callers begin while the server answers; after a failure one at a time, after growing waits.

    Those in between are refused at once. Waits double up to `LONGEST_WAIT_SECONDS` and are cut by up to half at random,
    so that processes do not come back together. The first success lets everybody in again.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        """`clock` in seconds; `chance` gives numbers from 0 to 1."""
        self._clock = clock
        self._chance = chance
        self._wait = 0.0  # 0 while the server answers
        self._until = 0.0
        self._trying = False
        self._why = ""
        self._met = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A beginning. Raises `StoreAway` where it fails, or where it is not its turn."""
        probing = self._wait > 0
        if probing:
            self._wait_for_turn()
        try:
            yield
        except PoolTimeout as busy:
            # Every connection is in use: the server may well answer those.
            raise StoreAway(said(busy)) from busy
        except (SQLAlchemyError, OSError, ReadOnlyServer) as error:
            if not is_away(error) and not isinstance(error, ReadOnlyServer):
                raise
            self._failed(error)
            raise StoreAway(said(error), self._seconds_left()) from error
        else:
            self._answered()
        finally:
            if probing:
                self._trying = False

    def _wait_for_turn(self) -> None:
        if self._trying or self._clock() < self._until:
            raise StoreAway(self._why, self._seconds_left())
        self._trying = True

    def _seconds_left(self) -> int:
        return max(1, math.ceil(self._until - self._clock()))

    def _failed(self, error: BaseException) -> None:
        now = self._clock()
        if now < self._until:
            return  # one of many that had begun before the first of them failed
        self._wait = min(2 * self._wait or FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        self._until = now + self._wait * (1 - self._chance() / 2)
        self._why = said(error)
        if self._met:  # else nothing has begun that could go on, and whoever began it says so
            _log.warning("database_away", error=type(error).__name__, seconds=round(self._until - now, 2))

    def _answered(self) -> None:
        if self._wait:
            _log.info("database_back")
        self._wait = self._until = 0.0
        self._met = True
