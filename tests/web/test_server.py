"""The server shell: order on a connection, what the application is given, start and stop."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from reclave.web.server import AddressInUse, ApplicationNotStarted, ServerLimits, listen, serve_http
from tests.web.raw_http import CHUNKED, GET, HOST, SECONDS, assert_refused, chunks, post, server

pytestmark = pytest.mark.usefixtures("each_way")


def get(path: bytes, *fields: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in fields) + b"\r\n"


async def test_a_connection_is_kept_for_one_request_after_another() -> None:
    async with server() as running:
        client = await running.client()
        for sent, body in (
            (get(b"/uno"), b"/uno"),
            (post(b"a=b", b"Content-Length: 3"), b"/form"),
            (post(chunks(b"c=", b"d"), CHUNKED), b"/form"),
            (get(b"http://portal.example/dos"), b"/dos"),
        ):
            await client.send(sent)
            answer = await client.answer()
            assert (answer.status, answer.body) == (200, body)
            assert b"connection" not in answer.headers
            assert b"server" not in answer.headers
        assert running.seen == [("/uno", b""), ("/form", b"a=b"), ("/form", b"c=d"), ("/dos", b"")]


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    async with server() as running:
        client = await running.client(get(b"/slow") + post(b"a=b", b"Content-Length: 3") + get(b"/dos"))
        await running.arrived.wait()
        assert running.seen == [("/slow", b"")]
        running.release.set()
        assert [(await client.answer()).body for _ in range(3)] == [b"/slow", b"/form", b"/dos"]


async def test_a_pipelined_body_may_arrive_after_the_answer_before_it() -> None:
    async with server(ServerLimits(body_seconds=1)) as running:
        client = await running.client(get(b"/slow") + post(b"a", b"Content-Length: 3"))
        await running.arrived.wait()
        alone = await running.client(post(b"a", b"Content-Length: 3"))
        assert_refused(await alone.answer(), 408)  # so the limit has passed, but not for the one that waits
        running.release.set()
        assert (await client.answer()).body == b"/slow"
        await client.send(b"=b")
        assert (await client.answer()).body == b"/form"
        assert running.seen[1] == ("/form", b"a=b")


async def test_a_long_pipeline_is_answered_in_part_and_closed() -> None:
    async with server() as running:
        client = await running.client(GET * 100)
        answers = [await client.answer()]
        while b"connection" not in answers[-1].headers:
            answers.append(await client.answer())
        assert await client.is_closed()
        assert 1 < len(answers) < 100
        assert {answer.status for answer in answers} == {200}


async def test_the_application_learns_that_a_client_with_a_pipeline_is_gone() -> None:
    async with server() as running:
        client = await running.client(get(b"/until-gone") + get(b"/dos"))
        await running.arrived.wait()
        client.writer.close()
        async with asyncio.timeout(SECONDS):
            await running.release.wait()
        assert running.seen == [("/until-gone", b"")]


@pytest.mark.req("S49")
async def test_a_bad_request_is_refused_after_the_answer_to_the_good_one_before_it() -> None:
    async with server() as running:
        client = await running.client(get(b"/slow") + b"hola\r\n\r\n")
        await running.arrived.wait()
        running.release.set()
        assert (await client.answer()).body == b"/slow"
        assert_refused(await client.answer(), 400)


@pytest.mark.req("S49")
async def test_nothing_after_connection_close_is_taken_for_a_request() -> None:
    async with server() as running:
        client = await running.client(get(b"/uno", b"Connection: close") + get(b"/dos"))
        assert (await client.answer()).body == b"/uno"
        assert await client.is_closed()
        assert running.seen == [("/uno", b"")]


@pytest.mark.req("S49")
async def test_trailers_do_not_join_the_headers_of_the_application() -> None:
    async with server() as running:
        client = await running.client(post(b"3\r\na=b\r\n0\r\nCookie: sesion=ajena\r\n\r\n", CHUNKED))
        assert (await client.answer()).status == 200
        assert b"cookie" not in dict(running.headers)


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on() -> None:
    async with server() as running:
        client = await running.client(post(b"", b"Content-Length: 3", b"Expect: 100-continue"))
        assert (await client.answer()).status == 100
        await client.send(b"a=b")
        assert (await client.answer()).status == 200
        await client.send(get(b"/dos", b"Expect: 100-continue"))
        assert (await client.answer()).status == 200  # there is no body to go on with
        assert running.seen == [("/form", b"a=b"), ("/dos", b"")]


async def test_an_offer_of_another_protocol_is_answered_in_http_1_1() -> None:
    async with server() as running:
        offer = b"Connection: Upgrade"
        client = await running.client(get(b"/uno", offer, b"Upgrade: h2c") + get(b"/dos"))
        assert [(await client.answer()).body for _ in range(2)] == [b"/uno", b"/dos"]


async def test_a_fault_of_the_server_is_logged_and_not_blamed_on_the_client(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_head: object, **_options: object) -> bool:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("reclave.web.connection.check_head", fail)
    async with server() as running:
        client = await running.client(GET)
        assert await client.is_closed()
        assert running.seen == []
    assert "ZeroDivisionError: a fault" in caplog.text


async def test_http_1_0_needs_no_host_and_keeps_no_connection() -> None:
    async with server() as running:
        client = await running.client(b"GET /uno HTTP/1.0\r\n\r\n")
        assert (await client.answer()).body == b"/uno"
        assert await client.is_closed()


async def test_what_is_in_flight_finishes_at_the_stop() -> None:
    async with server() as running:
        slow = await running.client(get(b"/slow"))
        await running.arrived.wait()
        idle = await running.client(GET)
        assert (await idle.answer()).status == 200
        half = await running.client(GET + GET[:-2])
        assert (await half.answer()).status == 200
        running.stop.set()
        assert await idle.is_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.port)
        running.release.set()
        await half.send(b"\r\n")
        for client in (slow, half):
            answer = await client.answer()
            assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
            assert await client.is_closed()
        async with asyncio.timeout(SECONDS):
            await running.serving


async def test_work_that_outlives_its_answer_finishes_at_the_stop() -> None:
    async with server() as running:
        client = await running.client(get(b"/later"))
        assert (await client.answer()).body == b"/later"
        running.stop.set()
        assert await client.is_closed()
        running.release.set()
        await running.serving
        assert running.seen == [("/later", b""), ("finished", b"")]


async def test_a_stop_waits_no_longer_than_it_may() -> None:
    with capture_logs() as said:
        await _stopped_while_slow()
    assert [(event["event"], event["requests"]) for event in said] == [("requests_cut_off", 1)]


async def _stopped_while_slow() -> None:
    async with server(ServerLimits(stop_seconds=0.2)) as running:
        client = await running.client(get(b"/slow"))
        await running.arrived.wait()
        running.stop.set()
        async with asyncio.timeout(SECONDS):
            await running.serving
        assert await client.is_closed()


async def test_the_server_leaves_signals_to_its_caller() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with server():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_an_application_that_does_not_start_is_not_served() -> None:
    async def open_database() -> None:
        raise LookupError("no database")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await open_database()
        yield

    listener = listen("127.0.0.1", 0)
    with pytest.raises(ApplicationNotStarted):
        await serve_http(Starlette(lifespan=lifespan), [listener], limits=ServerLimits(), stop=asyncio.Event())
    assert listener.fileno() == -1


async def test_the_application_starts_before_it_is_ready_and_ends_at_the_stop() -> None:
    told: list[str] = []
    stop = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        told.append("starts")
        yield
        told.append("ends")

    def ready() -> None:
        told.append("ready")
        stop.set()

    app = Starlette(lifespan=lifespan)
    await serve_http(app, [listen("127.0.0.1", 0)], limits=ServerLimits(), stop=stop, ready=ready)
    assert told == ["starts", "ready", "ends"]


def test_a_taken_port_is_named_in_the_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse, match=f"127.0.0.1 port {port}") as raised:
            listen("127.0.0.1", port)
        assert (raised.value.host, raised.value.port) == ("127.0.0.1", port)


def test_an_unknown_host_is_no_taken_port() -> None:
    with pytest.raises(socket.gaierror):
        listen("portal.invalid", 0)


def test_ipv6_and_ipv4_listen_side_by_side_on_one_port() -> None:
    with listen("::", 0) as six, listen("0.0.0.0", six.getsockname()[1]) as four:  # noqa: S104 - on purpose
        assert (six.family, four.family) == (socket.AF_INET6, socket.AF_INET)
