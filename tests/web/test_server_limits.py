"""S49 below the application: what the server refuses, over raw sockets with shortened limits."""

import asyncio
import contextlib
import re
import resource
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from reclave.web.server import ServerLimits
from tests.web.raw_http import (
    CHUNKED,
    GET,
    HOST,
    SECONDS,
    Client,
    Running,
    assert_refused,
    chunks,
    post,
    server,
)

pytestmark = pytest.mark.usefixtures("each_way")
SHORT = post(b"a=b", b"Content-Length: 3")

TOO_MUCH: dict[str, tuple[int, bytes]] = {
    "header bytes": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 16_384 + b"\r\n\r\n"),
    "an endless header": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 5_000_000),
    "an endless header behind a request": (431, SHORT + b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000),
    "headers": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 64 + b"\r\n"),
    "endless headers": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 100),
    "empty lines": (431, b"\r\n" * 20_000),
    "request line": (414, b"GET /" + b"a" * 8_192 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "an endless request line": (414, b"GET /" + b"a" * 500_000),
    "declared body": (413, post(b"", b"Content-Length: 16385")),
    "declared body of many digits": (413, post(b"", b"Content-Length: " + b"0" * 5000 + b"1")),
    "body sent and declared": (413, post(b"a" * 3_000_000, b"Content-Length: 3000000")),
    "chunked body": (413, post(chunks(b"a" * 16_384, b"a"), CHUNKED)),
    "endless chunk": (413, post(b"fffffff\r\n" + b"a" * 1_000_000, CHUNKED)),
    "chunk extensions": (413, post(b"1;" + b"a" * 1_000_000, CHUNKED)),
    "trailers": (413, post(b"0\r\nX: " + b"a" * 1_000_000, CHUNKED)),
}

MALFORMED: dict[str, bytes] = {
    "no request": b"hola\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "version 0.9": b"GET /\r\n\r\n",
    "no path": b"GET http://portal.example HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT portal.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in the path": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw bytes in the path": b"GET /\xc3\xb1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "two Hosts in HTTP/1.0": b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n",
    "an empty Host": b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "half an IPv6 Host": b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
    "no IPv6 address in brackets": b"GET / HTTP/1.1\r\nHost: [:::]\r\n\r\n",
    "a port too high": b"GET / HTTP/1.1\r\nHost: portal.example:65536\r\n\r\n",
    "a path in Host": b"GET / HTTP/1.1\r\nHost: portal.example/x\r\n\r\n",
    "length and coding": post(b"0\r\n\r\n", b"Content-Length: 5", CHUNKED),
    "coding and length": post(b"0\r\n\r\n", CHUNKED, b"Content-Length: 5"),
    "two lengths": post(b"abc", b"Content-Length: 3", b"Content-Length: 4"),
    "a list of lengths": post(b"abc", b"Content-Length: 3, 3"),
    "a negative length": post(b"abc", b"Content-Length: -3"),
    "an unknown coding": post(chunks(b"abc"), b"Transfer-Encoding: gzip, chunked"),
    "two codings": post(chunks(b"abc"), b"Transfer-Encoding: gzip", CHUNKED),
    "a coding in HTTP/1.0": post(chunks(b"abc"), CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk size that is none": post(b"xyz\r\n", CHUNKED),
    "a body for another protocol": post(b"abc", b"Content-Length: 3", b"Connection: Upgrade", b"Upgrade: h2c"),
    "a folded header": post(b"", b"X: a", b" b"),
    "a NUL in a header": post(b"", b"X: a\0b"),
    "a NUL in a name": post(b"", b"X\0: a"),
    "a bare CR": post(b"", b"X: a\rb"),
    "a bare LF": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\n\r\n",
    "a space before the colon": post(b"", b"X : a"),
    "a control character": post(b"", b"X: a\x01"),
}


@pytest.mark.req("S49")
@pytest.mark.parametrize(("status", "sent"), TOO_MUCH.values(), ids=TOO_MUCH)
async def test_more_than_the_limits_is_refused_and_the_connection_ends(status: int, sent: bytes) -> None:
    async with server() as running:
        client = await running.client()
        sending = asyncio.create_task(client.send(sent))
        answer = await client.answer()
        if sent.startswith(SHORT):
            assert answer.status == 200
            answer = await client.answer()
        assert_refused(answer, status)
        assert await client.is_closed()
        await asyncio.wait([sending])
        assert running.seen == ([("/form", b"a=b")] if sent.startswith(SHORT) else [])


@pytest.mark.req("S49")
@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_is_refused_before_the_application(sent: bytes) -> None:
    async with server() as running:
        client = await running.client(sent)
        assert_refused(await client.answer(), 400)
        assert await client.is_closed()
        assert running.seen == []


@pytest.mark.req("S49")
async def test_requests_at_the_limits_are_answered() -> None:
    line = b"GET /" + b"a" * (8_192 - len(b"GET / HTTP/1.1")) + b" HTTP/1.1\r\n"
    fields = HOST + b"X: a\r\n" * 62
    fields += b"Y: " + b"a" * (16_384 - len(fields) - len(b"Y: \r\n")) + b"\r\n"
    async with server() as running:
        client = await running.client(line + fields + b"\r\n")
        assert (await client.answer()).status == 200
        await client.send(post(b"a" * 16_384, b"Content-Length: 16384"))
        assert (await client.answer()).status == 200
        await client.send(post(chunks(*[b"a"] * 16_384), CHUNKED))
        assert (await client.answer()).status == 200
        assert [len(body) for _, body in running.seen] == [0, 16_384, 16_384]


@pytest.mark.req("S49")
@pytest.mark.parametrize(
    "sent", [b"G", b"GET /una", GET[:-2], post(b"a=b", b"Content-Length: 9"), post(b"1\r\n", CHUNKED)]
)
async def test_half_a_request_times_out_without_reaching_the_application(sent: bytes) -> None:
    async with server(ServerLimits(header_seconds=0.3, body_seconds=0.3)) as running:
        client = await running.client(sent)
        assert_refused(await client.answer(), 408)
        assert await client.is_closed()
        assert running.seen == []


@pytest.mark.req("S49")
@pytest.mark.parametrize(
    "start",
    [GET[:-2] + b"X: ", post(b"", b"Content-Length: 9999"), GET + GET[:-2] + b"X: "],
    ids=["head", "body", "the next head"],
)
async def test_a_client_that_drips_bytes_times_out_all_the_same(start: bytes) -> None:
    async with server(ServerLimits(header_seconds=0.3, body_seconds=0.3)) as running:
        client = await running.client(start)
        if start.startswith(GET):
            assert (await client.answer()).status == 200
        answering = asyncio.create_task(client.answer())
        while not answering.done():
            await client.send(b"a")
            await asyncio.wait([answering], timeout=0.02)
        assert_refused(answering.result(), 408)


@pytest.mark.req("S49")
@pytest.mark.parametrize("sent", [b"", b"\r\n", GET], ids=["silent", "an empty line", "after a request"])
async def test_an_idle_connection_is_closed_without_a_word(sent: bytes) -> None:
    async with server(ServerLimits(keep_alive_seconds=0.3)) as running:
        client = await running.client(sent)
        if sent == GET:
            assert (await client.answer()).status == 200
        assert await client.is_closed()


@pytest.mark.req("S49")
@pytest.mark.parametrize(
    "sent",
    [
        GET.replace(b"/", b"/bytes-8000000", 1),
        GET.replace(b"/", b"/bytes-8000000", 1) * 2,
        GET.replace(b"/", b"/bytes-60000", 1).replace(HOST, HOST + b"Connection: close\r\n"),
    ],
    ids=["more than the buffers hold", "two answers", "the rest of an answer that ends the connection"],
)
async def test_a_client_that_does_not_read_its_answer_is_dropped(sent: bytes) -> None:
    async with server(ServerLimits(write_seconds=0.3, stop_seconds=60), send_buffer=4096) as running:
        client = await running.client(receive_buffer=4096)
        cast(asyncio.ReadTransport, client.writer.transport).pause_reading()
        await client.send(sent)
        await running.arrived.wait()
        running.stop.set()
        async with asyncio.timeout(SECONDS):
            await running.serving  # it ends only when the connection has


async def send_without_end(client: Client, running: Running) -> None:
    while not running.serving.done():
        await client.send(b"a" * 1000)
        await asyncio.wait([running.serving], timeout=0.01)


@pytest.mark.req("S49")
async def test_a_refused_client_that_goes_on_sending_is_dropped() -> None:
    async with server(ServerLimits(linger_seconds=0.3)) as running:
        client = await running.client(b"hola\r\n\r\n")
        assert_refused(await client.answer(), 400)
        async with asyncio.timeout(SECONDS):
            with pytest.raises(ConnectionError):
                await send_without_end(client, running)


@pytest.mark.req("S49")
async def test_a_connection_over_the_limit_gets_503_and_room_comes_back() -> None:
    async with server(ServerLimits(connections=5)) as running:
        clients = [await running.client(GET) for _ in range(5)]
        for client in clients:
            assert (await client.answer()).status == 200
        sixth = await running.client()
        answer = await sixth.answer()
        assert_refused(answer, 503)
        assert int(answer.headers[b"retry-after"]) > 0
        assert await sixth.is_closed()
        clients[0].writer.close()
        async with asyncio.timeout(SECONDS):
            while (await (await running.client(GET)).answer()).status != 200:  # until the close has arrived
                pass


@pytest.mark.req("S49")
async def test_the_limit_on_open_files_makes_room_for_the_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        async with server(ServerLimits(connections=600)):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 600
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.req("S49")
async def test_a_refusal_shows_the_page_of_the_caller() -> None:
    def error_page(status: int, path: bytes | None, accept_language: bytes | None) -> bytes:
        return b"%d %s %s</html>\n" % (status, path or b"-", accept_language or b"-")

    async with server(error_page=error_page) as running:
        sent = (
            b"POST /pagos?token=secreto HTTP/1.1\r\nAccept-Language: pt\r\n" + HOST + b"Content-Length: 99999\r\n\r\n"
        )
        assert (await (await running.client(sent)).answer()).body == b"413 /pagos pt</html>\n"
        assert (await (await running.client(b"\0")).answer()).body == b"400 - -</html>\n"


@pytest.mark.req("S49")
async def test_a_page_that_fails_gives_way_to_the_plain_one() -> None:
    def error_page(_status: int, _path: bytes | None, _accept_language: bytes | None) -> bytes:
        raise LookupError("no such portal")

    with capture_logs() as said:
        async with server(error_page=error_page) as running:
            answer = await (await running.client(b"hola\r\n\r\n")).answer()
            assert_refused(answer, 400)
            assert "No pudimos leer lo que envió su navegador".encode() in answer.body
    assert [(event["event"], event["status"]) for event in said] == [("refusal_page_failed", 400)]


PIECES = [
    GET,
    GET[:-2],
    SHORT,
    HOST,
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b":",
    b" ",
    b"/",
    b"X: a\r\n",
    b"\xff" * 40,
    b"9" * 20,
]
PIECES += [b"Content-Length: 4\r\n", CHUNKED + b"\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"1\r\na\r\n0\r\n"]
PIECES += [
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"POST / HTTP/1.1\r\n",
    b"HEAD http://a/ HTTP/1.0\r\n",
]


@pytest.mark.req("S49")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), min_size=1, max_size=12))
async def test_no_bytes_whatever_make_an_error_of_the_server(
    parts: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    soon = ServerLimits(header_seconds=0.03, body_seconds=0.03, keep_alive_seconds=0.03)
    async with server(soon) as running:
        client = await running.client()
        for part in parts:
            client.writer.write(part)
        answers = b""
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(ConnectionError):  # a busy machine may have let the idle time pass first
                answers = await client.reader.read()
        statuses = {int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answers)}
        assert statuses <= {100, 200, 400, 405, 408}
    assert caplog.records == []
