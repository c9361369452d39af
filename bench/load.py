"""`python -m bench.load PORT CONNECTIONS SECONDS`: requests for nobody as fast as they are answered.

Prints how many were accepted a second. For machines without wrk, which takes less of the processor for itself.
"""

import asyncio
import sys
from itertools import count

import uvloop

from bench.http_client import post
from bench.service import RECOVER, People

_FIRST = 20_000_000


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, port: int, people: "count[int]") -> None:
        self._port = port
        self._people = people
        self._transport: asyncio.Transport | None = None
        self._answer = b""
        self.accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._ask(transport)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._transport is None or not self._answer.endswith(b"\r\n\r\n"):
            return
        if not self._answer.startswith(b"HTTP/1.1 303"):
            raise RuntimeError(f"not accepted: {self._answer[:40]!r}")
        self.accepted += 1
        self._answer = b""
        self._ask(self._transport)

    def _ask(self, transport: asyncio.Transport) -> None:
        transport.write(post(self._port, RECOVER, {"email": People.address(next(self._people))}))


async def main(port: int, connections: int, seconds: float) -> None:
    """Load the service and print the rate."""
    people = count(_FIRST)
    clients = [_Client(port, people) for _ in range(connections)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = iter(clients)
    for _ in clients:
        await loop.create_connection(lambda: next(waiting), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    print(sum(client.accepted for client in clients) / (loop.time() - began))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
