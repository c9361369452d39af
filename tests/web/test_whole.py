"""Answers in one piece: what is written for a reader is what ASGI's two messages would have written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from reclave.pages.security import DEFAULTS
from reclave.web.exchange import EXTENSIONS
from reclave.web.whole import Whole, lines_of
from tests.web import raw_http
from tests.web.raw_http import GET, WholeResponse, server

HEADERS = [(b"content-type", b"text/html"), (b"content-length", b"4"), *DEFAULTS]


async def sent(whole: Whole, scope: dict[str, Any]) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await whole.send(scope, send)
    return messages


async def test_a_server_that_takes_one_piece_gets_one_and_any_other_the_messages_of_asgi() -> None:
    whole = Whole(200, HEADERS, b"hola")
    (one,) = await sent(whole, {"extensions": EXTENSIONS})
    assert (one["status"], one["body"]) == (200, b"hola")
    assert one["head"] == b"".join(b"%s: %s\r\n" % header for header in HEADERS)
    elsewhere: list[dict[str, Any]] = [{}, {"extensions": {}}]
    for scope in elsewhere:
        start, body = await sent(whole, scope)
        assert (start["type"], start["status"], start["headers"]) == ("http.response.start", 200, HEADERS)
        assert body == {"type": "http.response.body", "body": b"hola"}


@pytest.mark.req("S46")
@given(st.binary())
def test_no_value_ends_its_line_or_begins_another(value: bytes) -> None:
    if any(each < 0x20 and each != 0x09 for each in value) or 0x7F in value:
        with pytest.raises(ValueError, match="the header location"):
            lines_of([(b"location", value)])
    else:
        assert lines_of([(b"location", value)]) == b"location: " + value + b"\r\n"


async def test_a_second_answer_to_one_request_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Twice(WholeResponse):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await super().__call__(scope, receive, send)
            await super().__call__(scope, receive, send)

    monkeypatch.setattr(raw_http, "response", Twice)
    async with server() as running:
        client = await running.client(GET)
        assert (await client.answer()).body == b"/"
        assert await client.is_closed()
    assert "an answer has begun already" in caplog.text
