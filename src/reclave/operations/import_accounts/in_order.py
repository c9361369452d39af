"""Settling chunks several at a time, and yet in the order of the file."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias, TypeVar

_Chunk = TypeVar("_Chunk")
Predecessor: TypeAlias = Awaitable[None] | None
"""Ends when the chunk before is settled, and raises what kept it from that; None where there is nothing to wait for."""


async def settled_in_order(
    chunks: AsyncIterator[_Chunk], settle: Callable[[_Chunk, Predecessor], Awaitable[None]], *, at_once: int
) -> None:
    """Settle each chunk, up to so many `at_once`, while the next one is being read.

    `settle` awaits the predecessor before it commits anything for good, so that what failed is followed by nothing.
    However this ends, nothing is under way any more.
    """
    if at_once == 1:
        async for chunk in chunks:
            await settle(chunk, None)
        return
    under_way: deque[asyncio.Future[None]] = deque()
    last: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            if len(under_way) == at_once:
                await under_way.popleft()
            last = asyncio.ensure_future(settle(chunk, last))
            under_way.append(last)
        while under_way:
            await under_way.popleft()
    finally:
        await asyncio.gather(*under_way, return_exceptions=True)
