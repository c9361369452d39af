"""A session with a mail server: commands that go out together, answers in any pieces, a message's lines on the wire."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiosmtplib import SMTP, SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from hypothesis import given
from hypothesis import strategies as st

from reclave.adapters import smtp
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.adapters.smtp_session import SmtpSession, _stuffed
from reclave.domain.outbox import Deferred, Refused, Sent
from tests.adapters.scripted_smtp import HANG_UP, SILENCE, Answer, ScriptedSmtpServer
from tests.adapters.test_smtp import ENVELOPE

OFFERED: Sequence[Answer] = [b"250-correo.example\r\n250-PIPELINING\r\n250 8BITMIME"]


@asynccontextmanager
async def mailer_at(port: int) -> AsyncIterator[SmtpMailer]:
    """A mailer for a server at a port of this machine."""
    mailer = SmtpMailer(SmtpSettings(host="127.0.0.1", port=port, security="none"))
    try:
        yield mailer
    finally:
        await mailer.close()


class _Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    close = abort

    def is_closing(self) -> bool:
        return self.aborted

    def set_protocol(self, _protocol: Any) -> None:
        """Nobody else reads."""


def session_over(wire: _Wire, *, pipelining: bool = True) -> SmtpSession:
    """A session whose answers a test gives by `data_received`."""
    return SmtpSession(cast(SMTP, SimpleNamespace(transport=wire, supports_extension=lambda _name: pipelining)))


def begun(session: SmtpSession) -> "asyncio.Task[SMTPResponse]":
    """A message on its way."""
    content, patience = ENVELOPE.content, 10.0
    return asyncio.create_task(session.send(ENVELOPE.sender, ENVELOPE.recipient, content, patience=patience))


async def until_it_waits() -> None:
    """Let a task go on until it waits for an answer."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("pipelining", [True, False])
async def test_commands_go_out_together_only_where_the_server_offers_it_and_content_after_all_are_answered(
    pipelining: bool,
) -> None:
    wire = _Wire()
    session = session_over(wire, pipelining=pipelining)
    sending = begun(session)
    seen = []
    for answer in (b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n", b"250 2.0.0 queued\r\n"):
        await until_it_waits()
        seen.append(wire.written)
        session.data_received(answer)
    assert (await sending) == SMTPResponse(250, "2.0.0 queued")
    mail, rcpt = f"MAIL FROM:<{ENVELOPE.sender}>\r\n".encode(), f"RCPT TO:<{ENVELOPE.recipient}>\r\n".encode()
    commands = [mail, mail + rcpt, mail + rcpt + b"DATA\r\n"]
    assert seen[:3] == (commands if not pipelining else commands[2:] * 3)
    assert seen[3] == commands[2] + _stuffed(ENVELOPE.content)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
async def test_answers_are_understood_in_whatever_pieces_they_come(piece: int) -> None:
    session = session_over(_Wire())
    sending = begun(session)
    await until_it_waits()
    answers = b"250-2.1.0 first\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n"
    for at in range(0, len(answers), piece):
        session.data_received(answers[at : at + piece])
    await until_it_waits()
    session.data_received(b"250-2.0.0 one\n250 two\n")
    assert (await sending) == SMTPResponse(250, "2.0.0 one\ntwo")


@pytest.mark.parametrize("said", [b"x" * 9000, b"250-" + b"x" * 100 + b"\r\n", b"hola\r\n"])
async def test_a_server_that_says_no_answer_or_too_much_ends_the_session(said: bytes) -> None:
    wire = _Wire()
    session = session_over(wire)
    sending = begun(session)
    await until_it_waits()
    for _ in range(400):
        session.data_received(said)
    with pytest.raises(SMTPResponseException):
        await sending
    assert not session.alive
    session.leave()
    assert b"QUIT" not in wire.written


async def test_what_nobody_asked_for_is_no_answer_to_what_comes_next() -> None:
    session = session_over(_Wire(), pipelining=False)
    session.data_received(b"250 early\r\n250 hal")
    sending = begun(session)
    await until_it_waits()
    session.data_received(b"550 5.7.1 no\r\n")
    with pytest.raises(SMTPResponseException, match=r"5\.7\.1"):
        await sending


async def test_a_session_takes_no_connection_that_is_gone() -> None:
    wire = _Wire()
    wire.abort()
    with pytest.raises(SMTPServerDisconnected):
        session_over(wire)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_refusal_among_commands_that_went_out_together_refuses_the_message_and_the_next_starts_anew(
    verb: str,
) -> None:
    refusing: dict[str, Sequence[Answer]] = {verb: [b"550 5.7.1 no", ScriptedSmtpServer.usual(verb)]}
    if verb != "DATA":  # RFC 2920 section 3.1: without a recipient DATA is refused, too
        refusing["DATA"] = [b"554 5.5.1 no valid recipients", b"354 go on"]
    async with ScriptedSmtpServer({"EHLO": OFFERED, **refusing}) as server, mailer_at(server.port) as mailer:
        assert await mailer.send(ENVELOPE) == Refused(550, "5.7.1 no")
        assert await mailer.send(ENVELOPE) == Sent(250, "2.0.0 queued")
        await server.until(lambda: server.connections == 1)
        assert server.seen == [["EHLO", "MAIL", "RCPT", "DATA", "QUIT"], ["EHLO", "MAIL", "RCPT", "DATA", "."]]


async def test_a_server_that_wants_the_content_of_a_message_it_has_refused_gets_none() -> None:
    async with (
        ScriptedSmtpServer({"EHLO": OFFERED, "RCPT": [b"550 5.1.1 unknown"]}) as server,
        mailer_at(server.port) as mailer,
    ):
        assert await mailer.send(ENVELOPE) == Refused(550, "5.1.1 unknown")
        await server.until(lambda: server.connections == 0)
        assert server.contents == []
        assert server.seen == [["EHLO", "MAIL", "RCPT", "DATA"]]


@pytest.mark.req("I5")
@pytest.mark.parametrize("end", ["time-out", "421", "silence"])
async def test_a_kept_connection_that_has_died_costs_no_attempt(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(smtp, "_KEPT_SECONDS", 0.1)
    on_the_second = {"421": b"421 4.4.2 idle for too long", "silence": SILENCE, "time-out": b"250 ok"}[end]
    answers: dict[str, Sequence[Answer]] = {"EHLO": OFFERED, "MAIL": [b"250 ok", on_the_second, b"250 ok"]}
    async with ScriptedSmtpServer(answers) as server, mailer_at(server.port) as mailer:
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        if end == "time-out":
            await server.hang_up()
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        assert len(server.contents) == len(server.seen) == 2


@pytest.mark.req("I5")
@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
async def test_a_connection_lost_after_mail_was_accepted_is_not_tried_a_second_time(verb: str) -> None:
    answers: dict[str, Sequence[Answer]] = {"EHLO": OFFERED, verb: [ScriptedSmtpServer.usual(verb), HANG_UP]}
    async with ScriptedSmtpServer(answers) as server, mailer_at(server.port) as mailer:
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        assert await mailer.send(ENVELOPE) == Deferred(None, "Unexpected EOF received")
        assert len(server.seen) == 1


async def test_a_kept_connection_whose_server_thinks_about_a_recipient_is_not_given_up() -> None:
    session = session_over(_Wire())
    sending = asyncio.create_task(session.send(ENVELOPE.sender, ENVELOPE.recipient, ENVELOPE.content, patience=0.05))
    await until_it_waits()
    session.data_received(b"250 ok\r\n")
    done, _ = await asyncio.wait([sending], timeout=0.1)
    assert not done
    session.data_received(b"250 ok\r\n354 go on\r\n")
    await until_it_waits()
    session.data_received(b"250 queued\r\n")
    assert (await sending).code == 250


@given(content=st.text(alphabet="a. \r\n", max_size=40))
def test_no_line_of_a_message_ends_it_early_and_every_line_ends_in_crlf(content: str) -> None:
    sent = _stuffed(content.encode())
    assert sent.endswith(b"\r\n.\r\n")
    message = sent[: -len(b".\r\n")]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", sent)
    assert b"." not in message.split(b"\r\n")
    lines = [line.removeprefix(b".") if line.startswith(b"..") else line for line in message.split(b"\r\n")]
    assert lines == [*re.sub(r"\r\n|\r|\n", "\n", content).removesuffix("\n").encode().split(b"\n"), b""]
