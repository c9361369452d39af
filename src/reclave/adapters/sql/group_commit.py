"""Group commit: what many callers ask for at the same time is written in one transaction.

Nobody waits for a batch to fill: a lone item is committed at once; what arrives meanwhile is the next batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeAlias, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_Waiting: TypeAlias = tuple[Item, asyncio.Future[Answer]]

LARGEST_BATCH = 256


class GroupCommit(Generic[Item, Answer]):
    """Batches items of one process for a `commit` that writes them in one transaction and answers each.

    A batch that fails is committed item by item, so that only an item that fails alone raises what it raised.
    When one fails for a reason that is `hopeless` (the database's, not the item's), the rest of its batch
    fails with it: each would wait for the same time-out.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        hopeless: Callable[[BaseException], bool],
    ) -> None:
        self._commit = commit
        self._hopeless = hopeless
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, item: Item) -> Answer:
        """The answer to an item, after its commit; a caller that is cancelled may find it committed or not.

        Raises RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError("the store is closed")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._running is None:
            # In a context of its own: the first caller's log fields are not the others'.
            self._running = asyncio.create_task(self._run(), context=Context())
        return await answer

    async def close(self) -> None:
        """Take no more items and wait until those that are queued have their answers."""
        self._closed = True
        if self._running is not None:
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._settle(self._next_batch())
        finally:
            self._running = None
            for _, answer in self._waiting:
                answer.cancel()  # none waits but where this task was cancelled

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        return [self._waiting.popleft() for _ in range(min(LARGEST_BATCH, len(self._waiting)))]

    async def _settle(self, batch: list[_Waiting[Item, Answer]]) -> None:
        """Answer every item of a batch, whatever happens."""
        try:
            error = await self._try(batch)
            if error is not None and len(batch) > 1:
                await self._settle_alone(batch)
            elif error is not None:
                _fail(batch, error)
        finally:
            for _, answer in batch:
                answer.cancel()  # no answer is left but where this task was cancelled

    async def _settle_alone(self, batch: list[_Waiting[Item, Answer]]) -> None:
        for position, each in enumerate(batch):
            error = await self._try([each])
            if error is not None and self._hopeless(error):
                _fail(batch[position:], error)
                return
            if error is not None:
                _fail([each], error)

    async def _try(self, batch: list[_Waiting[Item, Answer]]) -> BaseException | None:
        """Commit a batch and hand out its answers; what it raised, if it did."""
        asked = [(item, answer) for item, answer in batch if not answer.done()]
        if not asked:
            return None
        [given] = await asyncio.gather(self._commit([item for item, _ in asked]), return_exceptions=True)
        if isinstance(given, BaseException):
            return given
        for (_, answer), one in zip(asked, given, strict=True):
            if not answer.done():
                answer.set_result(one)
        return None


def _fail(batch: list[_Waiting[Item, Answer]], error: BaseException) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
