"""The points at which a process can be killed, found by instrumentation.

A point is reached after every step of a task that ends in an await that suspends, before and after every commit,
around the DATA of SMTP, and around the answer to a request. Between two points nothing durable happens but what
another thread or server does with what it was handed, and that may or may not be done when the process dies.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextvars import Context
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any
from unittest import mock

import greenlet  # type: ignore[import-untyped]  # carries no types
from aiosmtplib import SMTPResponse
from sqlalchemy.engine.default import DefaultDialect

import reclave
from reclave.adapters.smtp_session import SmtpSession
from tests.crash.wire import Point

_OURS = str(Path(reclave.__file__).parent) + os.sep
_SUSPENDABLE = (CoroutineType, AsyncGeneratorType, GeneratorType)


class Points:
    """Counts the points that a process passes, and kills it at one of them; `tell` is told which that is."""

    def __init__(self, tell: Callable[[Point], None]) -> None:
        self.passed: list[Point] = []
        self._tell = tell
        self._kill_at: int | None = None
        self._count = 0

    def begin(self, kill_at: int | None) -> None:
        """Count anew, and end the process at that point (from 1); at None it passes them all."""
        self.passed = []
        self._kill_at = kill_at
        self._count = 0

    def reached(self, kind: str, frames: Callable[[], Iterable[FrameType]] | None = None) -> None:
        """Pass a point, or die at it; `frames` gives the stack, outermost first, else it is this call's."""
        self._count += 1
        if self._kill_at not in {None, self._count}:
            return
        point = Point(kind, tuple(_place(frame) for frame in (frames or running)() if _is_ours(frame)))
        if self._kill_at is None:
            self.passed.append(point)
            return
        self._tell(point)
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        context: Context | None = None,
    ) -> "asyncio.Task[Any]":
        """A task factory: each step of a task that suspends is a point."""
        return asyncio.Task(_Watched(coroutine, self), loop=loop, context=context)

    def install(self) -> None:
        """Make points of commits and of SMTP's DATA, for the rest of this process's life."""
        commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit
        hand_over = SmtpSession.hand_over

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self.reached("before commit")
            commit(dialect, connection)
            self.reached("after commit")

        async def send_data(session: SmtpSession, content: bytes) -> SMTPResponse:
            self.reached("before DATA")
            answer = await hand_over(session, content)
            self.reached("after DATA")
            return answer

        mock.patch.object(DefaultDialect, "do_commit", do_commit).start()
        mock.patch.object(SmtpSession, "hand_over", send_data).start()


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine that tells when it has suspended."""

    def __init__(self, inner: Any, points: Points) -> None:
        self._inner = inner
        self._points = points

    def send(self, value: Any) -> Any:
        waits_for = self._inner.send(value)
        self._points.reached("await", self._frames)
        return waits_for

    def throw(self, *error: Any) -> Any:
        waits_for = self._inner.throw(*error)
        self._points.reached("await", self._frames)
        return waits_for

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("a task's own coroutine is awaited by nobody else")

    def _frames(self) -> Iterator[FrameType]:
        return suspended(self._inner)


def suspended(awaitable: object) -> Iterator[FrameType]:
    """The frames of a suspended coroutine and of what it awaits, outermost first."""
    inner: object = awaitable
    while inner is not None:
        frame: FrameType | None = None
        match inner:
            case CoroutineType():
                frame, inner = inner.cr_frame, inner.cr_await
            case GeneratorType():
                frame, inner = inner.gi_frame, inner.gi_yieldfrom
            case AsyncGeneratorType():
                frame, inner = inner.ag_frame, inner.ag_await
            case _:
                inner = _wrapped(inner)
        if frame is not None:
            yield frame


def _wrapped(awaitable: object) -> object | None:
    """What one of the interpreter's own awaitables (of `async with`, of `anext`) stands for; they do not tell."""
    if asyncio.isfuture(awaitable):
        return None
    return next((one for one in gc.get_referents(awaitable) if isinstance(one, _SUSPENDABLE)), None)


def running() -> list[FrameType]:
    """The frames on the stack, outermost first, across SQLAlchemy's greenlets."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    current: greenlet.greenlet | None = greenlet.getcurrent()
    while current is not None:
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
        current = current.parent
        frame = current.gr_frame if current is not None else None
    return found[::-1]


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)


def _place(frame: FrameType) -> str:
    path = frame.f_code.co_filename.removeprefix(_OURS)
    return f"{path}:{frame.f_lineno} {frame.f_code.co_qualname}"
