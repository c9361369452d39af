"""A server that others take over from: no connection is closed on a client that may be sending."""

import asyncio

import pytest

from reclave.web.server import ServerLimits
from tests.web.raw_http import GET, SECONDS, server

pytestmark = pytest.mark.usefixtures("each_way")


async def test_each_connection_ends_with_its_next_answer_and_the_server_with_the_last() -> None:
    async with server() as running:
        idle, slow = await running.client(GET), await running.client(GET.replace(b" / ", b" /slow "))
        assert b"connection" not in (await idle.answer()).headers
        half = await running.client(GET[:-2])
        await running.arrived.wait()
        running.retire.set()
        for _ in range(20):  # until the server has heard of it
            await asyncio.sleep(0)
        running.release.set()
        await idle.send(GET)
        await half.send(b"\r\n")
        for client in (slow, half, idle):
            answer = await client.answer()
            assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
            assert await client.is_closed()
        async with asyncio.timeout(SECONDS):
            await running.serving
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.port)


async def test_a_client_that_says_nothing_more_holds_the_server_as_long_as_it_may_rest() -> None:
    async with server(ServerLimits(keep_alive_seconds=0.2)) as running:
        idle = await running.client(GET)
        await idle.answer()
        running.retire.set()
        async with asyncio.timeout(SECONDS):
            await running.serving
        assert await idle.is_closed()


async def test_a_stop_ends_the_waiting() -> None:
    async with server() as running:
        idle = await running.client(GET)
        await idle.answer()
        running.retire.set()
        running.stop.set()
        async with asyncio.timeout(SECONDS):
            await running.serving
        assert await idle.is_closed()
