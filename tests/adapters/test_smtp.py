"""The mailer against a real SMTP server, and against servers that misbehave in every way they know."""

import asyncio
import ssl
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from reclave.adapters import smtp
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.demo.maildrop import Maildrop
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.domain.outbox import LEASE, SMTP_PATIENCE, Deferred, Refused, Sent
from reclave.domain.time import SECOND
from reclave.ports.mailer import Envelope
from tests.adapters.scripted_smtp import HANG_UP, SILENCE, Answer, ScriptedSmtpServer

ENVELOPE = Envelope(
    "avisos@pagos.example", "ana@empresa.example", b"Subject: Aviso\r\n\r\nBuenos d=C3=ADas.\r\n.\r\n..x\r\n"
)
CREDENTIALS = ("reclave", "Clave-de-la-prueba")

Authority = Callable[[str], tuple[Path, Path]]
Make = Callable[..., SmtpMailer]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Authority]:
    """A throw-away certificate authority: its certificate, and a function that certifies a host name."""
    folder = tmp_path_factory.mktemp("authority")
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", "req", "-x509", *new_key, *arguments], check=True, capture_output=True)

    openssl("-subj", "/CN=Prueba", "-keyout", str(ca_key), "-out", str(ca))

    def certify(name: str) -> tuple[Path, Path]:
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={name}"]
        usage = ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(ca), "-CAkey", str(ca_key)]
        openssl(*subject, *usage, "-keyout", str(key), "-out", str(certificate))
        return certificate, key

    return ca, certify


@pytest.fixture(scope="session")
def ca_file(authority: tuple[Path, Authority]) -> Path:
    return authority[0]


@pytest.fixture(scope="session")
def server_tls(authority: tuple[Path, Authority]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority[1]("IP:127.0.0.1"))
    return context


@pytest.fixture(scope="session")
def strangers_tls(authority: tuple[Path, Authority]) -> ssl.SSLContext:
    """Of the same authority, for another host."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority[1]("DNS:otro.example"))
    return context


@pytest.fixture
def maildrop() -> Maildrop:
    return Maildrop()


@pytest_asyncio.fixture
async def loopback(maildrop: Maildrop) -> AsyncIterator[Callable[..., Any]]:
    started: list[LoopbackSmtpServer] = []

    async def start(**options: Any) -> LoopbackSmtpServer:
        server = LoopbackSmtpServer(maildrop, **options)
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop()


@pytest_asyncio.fixture
async def mailer_to() -> AsyncIterator[Make]:
    made: list[SmtpMailer] = []

    def make(server: LoopbackSmtpServer | ScriptedSmtpServer, **changes: Any) -> SmtpMailer:
        settings = SmtpSettings(host="127.0.0.1", port=server.port, security="none")
        made.append(SmtpMailer(replace(settings, **changes)))
        return made[-1]

    yield make
    for mailer in made:
        await mailer.close()


def is_wire_form_of(content: bytes, sent: bytes) -> bool:
    """Whether `content` is what RFC 5321 section 4.5.2 makes of `sent`: a dot before each leading dot."""
    return content == sent.replace(b"\r\n.", b"\r\n..")


@pytest.mark.req("S47")
async def test_a_message_is_handed_over_by_starttls_and_auth(
    loopback: Callable[..., Any],
    mailer_to: Make,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    ca_file: Path,
) -> None:
    server = await loopback(tls_context=server_tls, credentials=CREDENTIALS)
    user, password = CREDENTIALS
    mailer = mailer_to(server, security="starttls", username=user, password=password, ca_file=ca_file)

    delivery = await mailer.send(ENVELOPE)

    [message] = maildrop.messages(ENVELOPE.recipient)
    assert delivery == Sent(250, f"2.0.0 queued as {message.id}")
    assert (message.sender, message.recipients) == (ENVELOPE.sender, (ENVELOPE.recipient,))
    assert "with ESMTPSA id" in message.header("Received")
    assert message.text == "Buenos d=C3=ADas.\n.\n..x\n"


@pytest.mark.req("S47")
async def test_a_message_is_handed_over_by_tls_from_the_first_byte(
    mailer_to: Make, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    async with ScriptedSmtpServer(tls=server_tls) as server:
        mailer = mailer_to(server, security="tls", ca_file=ca_file)
        assert await mailer.send(ENVELOPE) == Sent(250, "2.0.0 queued")
        assert is_wire_form_of(server.contents[0], ENVELOPE.content)


async def test_a_message_is_handed_over_in_the_clear_on_this_machine(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        assert await mailer_to(server, local_hostname="portal.example").send(ENVELOPE) == Sent(250, "2.0.0 queued")
        assert server.lines == [
            b"EHLO portal.example\r\n",
            b"MAIL FROM:<avisos@pagos.example>\r\n",
            b"RCPT TO:<ana@empresa.example>\r\n",
            b"DATA\r\n",
        ]


@pytest.mark.req("S47")
@pytest.mark.parametrize("host", ["correo.example", "192.0.2.1", "2001:db8::1", "127.0.0.1.example", "::"])
def test_mail_in_the_clear_to_another_machine_is_refused_with_a_remedy(host: str) -> None:
    with pytest.raises(ValueError, match=r"in the clear: set security = .starttls. \(port 587\) or .tls."):
        SmtpMailer(SmtpSettings(host=host, port=25, security="none"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_mail_in_the_clear_stays_on_this_machine(host: str) -> None:
    SmtpMailer(SmtpSettings(host=host, port=25, security="none"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"username": "reclave"}, "belong together"),
        ({"password": "x"}, "belong together"),
        ({"connections": 0}, "less than 1"),
        ({"timeout": SMTP_PATIENCE / SECOND + 1}, "at most 100 s"),
        ({"timeout": 0.0}, "at most 100 s"),
        ({"ca_file": Path("no-such-file.pem")}, "name a PEM file"),
        ({"ca_file": Path(__file__)}, "name a PEM file"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SmtpMailer(replace(SmtpSettings(host="correo.example", port=587), **changes))


def test_the_password_is_not_shown_with_the_settings() -> None:
    assert "secreta" not in repr(SmtpSettings(host="x", port=1, username="u", password="secreta"))


def test_the_longest_attempt_ends_before_the_lease_of_its_message() -> None:
    assert SmtpSettings(host="correo.example", port=587).timeout * SECOND <= SMTP_PATIENCE < LEASE


@pytest.mark.req("S47")
@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("flaw", ["unknown authority", "another host"])
async def test_a_certificate_that_proves_nothing_gets_no_mail(
    loopback: Callable[..., Any],
    mailer_to: Make,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    strangers_tls: ssl.SSLContext,
    ca_file: Path,
    security: str,
    flaw: str,
) -> None:
    tls = server_tls if flaw == "unknown authority" else strangers_tls
    trusted = None if flaw == "unknown authority" else ca_file
    async with ScriptedSmtpServer(tls=tls) as from_the_first_byte:
        server = await loopback(tls_context=tls) if security == "starttls" else from_the_first_byte
        delivery = await mailer_to(server, security=security, ca_file=trusted).send(ENVELOPE)
        assert from_the_first_byte.lines == []
    assert isinstance(delivery, Deferred)
    assert delivery.code is None
    assert "certificate verify failed" in delivery.text
    assert maildrop.messages() == []


@pytest.mark.req("S47")
@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({}, None),
        ({"EHLO": [b"250-correo.example\r\n250 STARTTLS"], "STARTTLS": [b"454 4.7.0 not now"]}, 454),
        ({"EHLO": [b"250-correo.example\r\n250 STARTTLS"], "STARTTLS": [b"502 5.5.1 no"]}, 502),
        ({"EHLO": [b"250-correo.example\r\n250 STARTTLS"], "STARTTLS": [b"220 ready\r\n250 injected"]}, None),
    ],
)
async def test_a_server_that_does_not_encrypt_sees_no_mail_and_no_password(
    mailer_to: Make, answers: Mapping[str, Sequence[Answer]], code: int | None
) -> None:
    async with ScriptedSmtpServer(answers) as server:
        mailer = mailer_to(server, security="starttls", username="reclave", password="secreta", connect_timeout=1.0)
        delivery = await mailer.send(ENVELOPE)
        assert isinstance(delivery, Deferred)
        assert delivery.code == code
        assert delivery.text
        await server.until(lambda: server.connections == 0)
        assert not any(line.startswith((b"AUTH", b"MAIL")) for line in server.lines)
        assert b64encode(b"\0reclave\0secreta") not in b"".join(server.lines)


async def test_a_wrong_password_defers_the_message(
    loopback: Callable[..., Any],
    mailer_to: Make,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    ca_file: Path,
) -> None:
    server = await loopback(tls_context=server_tls, credentials=CREDENTIALS)
    mailer = mailer_to(server, security="starttls", username="reclave", password="otra", ca_file=ca_file)
    delivery = await mailer.send(ENVELOPE)
    assert isinstance(delivery, Deferred)
    assert delivery.code == 535
    assert maildrop.messages() == []


async def test_the_password_is_sent_by_plain_even_where_md5_is_offered(mailer_to: Make) -> None:
    async with ScriptedSmtpServer({"EHLO": [b"250-correo.example\r\n250 AUTH CRAM-MD5 PLAIN"]}) as server:
        assert isinstance(await mailer_to(server, username="u", password="p").send(ENVELOPE), Sent)
        assert server.lines[1] == b"AUTH PLAIN AHUAcA==\r\n"


@pytest.mark.parametrize("verb", ["greeting", "EHLO", "AUTH"])
@pytest.mark.parametrize("answer", [b"421 4.3.2 closing", b"454 4.7.0 later", b"554 5.7.1 go away", b"535 5.7.8 no"])
async def test_no_answer_before_mail_refuses_a_message(mailer_to: Make, verb: str, answer: bytes) -> None:
    answers = {"EHLO": [b"250-correo.example\r\n250 AUTH PLAIN"]} | {verb: [answer]}
    async with ScriptedSmtpServer(answers) as server:
        delivery = await mailer_to(server, username="u", password="p").send(ENVELOPE)
        assert isinstance(delivery, Deferred)
        assert delivery.code in {int(answer[:3]), 500}  # HELO, tried after EHLO, is unknown to this server
        await server.until(lambda: server.connections == 0)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        (b"421 4.4.2 closing", Deferred(421, "4.4.2 closing")),
        (b"450 4.2.0 greylisted", Deferred(450, "4.2.0 greylisted")),
        (b"452 4.2.2 full", Deferred(452, "4.2.2 full")),
        (b"552 full", Deferred(552, "full")),
        (b"552 5.2.2 full", Deferred(552, "5.2.2 full")),
        (b"554 5.2.2 full", Deferred(554, "5.2.2 full")),
        (b"552 5.3.4 too big", Refused(552, "5.3.4 too big")),
        (b"552 5.2.3 too big", Refused(552, "5.2.3 too big")),
        (b"550 5.1.1 no such user", Refused(550, "5.1.1 no such user")),
        (b"550-5.7.1 one\r\n550 5.7.1 two", Refused(550, "5.7.1 one 5.7.1 two")),
        (b"554 no", Refused(554, "no")),
        (b"503 5.5.1 out of order", Deferred(503, "5.5.1 out of order")),
        (b"530 5.7.0 authenticate first", Deferred(530, "5.7.0 authenticate first")),
        (b"299 what", Deferred(None, "what")),
        (b"699 what", Deferred(None, "what")),
    ],
)
async def test_an_answer_decides_whether_the_message_is_tried_again(
    mailer_to: Make, verb: str, answer: bytes, delivery: Deferred | Refused
) -> None:
    async with ScriptedSmtpServer({verb: [answer]}) as server:
        assert await mailer_to(server).send(ENVELOPE) == delivery


async def test_a_recipient_that_the_server_forwards_is_taken(mailer_to: Make) -> None:
    async with ScriptedSmtpServer({"RCPT": [b"251 will forward"]}) as server:
        assert isinstance(await mailer_to(server).send(ENVELOPE), Sent)


async def test_a_recipient_refused_by_a_real_server_is_refused(loopback: Callable[..., Any], mailer_to: Make) -> None:
    def policy(_recipient: str, attempt: int) -> str:
        return "450 4.2.0 later" if attempt == 1 else "550 5.1.1 unknown"

    mailer = mailer_to(await loopback(policy=policy))
    assert await mailer.send(ENVELOPE) == Deferred(450, "4.2.0 later")
    assert await mailer.send(ENVELOPE) == Refused(550, "5.1.1 unknown")


async def test_a_server_that_is_not_there_defers_the_message(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        pass
    delivery = await mailer_to(server).send(ENVELOPE)
    assert isinstance(delivery, Deferred)
    assert delivery.code is None
    assert str(server.port) in delivery.text


async def test_a_host_name_that_does_not_resolve_defers_the_message() -> None:
    mailer = SmtpMailer(SmtpSettings(host="correo.invalid", port=587))
    delivery = await mailer.send(ENVELOPE)
    assert isinstance(delivery, Deferred)
    assert delivery.code is None
    await mailer.close()


@pytest.mark.parametrize(
    "answer",
    [
        HANG_UP,
        b"hola",
        b"\xff\xfe\x00",
        b"25",
        b"250",
        b"-1 x",
        b"000 x",
        b"220 " + b"x" * 40_000,
        b"250-\r\n" * 9000,
        b"\x16\x03\x01",
    ],
)
@pytest.mark.parametrize("verb", ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."])
async def test_nothing_that_a_server_says_raises(mailer_to: Make, verb: str, answer: bytes) -> None:
    answers = {"EHLO": [b"250-correo.example\r\n250 AUTH PLAIN"]} | {verb: [answer]}
    async with ScriptedSmtpServer(answers) as server:
        mailer = mailer_to(server, username="u", password="p", timeout=0.5)
        delivery = await mailer.send(ENVELOPE)
        assert isinstance(delivery, Deferred | Sent)
        assert len(delivery.text) <= smtp.TEXT_LENGTH
        assert delivery.text == "" or delivery.text.isprintable()


async def test_what_a_server_says_is_kept_on_one_printable_line(mailer_to: Make) -> None:
    answer = b"550-5.7.1 \x1b[31mred\x07\r\n550 5.7.1 \xff\xe2\x80\xae\tend " + b"x" * 900
    async with ScriptedSmtpServer({"RCPT": [answer]}) as server:
        delivery = await mailer_to(server).send(ENVELOPE)
    assert isinstance(delivery, Refused)
    assert delivery.text.startswith("5.7.1 [31mred 5.7.1 end x")
    assert len(delivery.text) == 500


@pytest.mark.req("I5")
@pytest.mark.parametrize("verb", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_a_server_that_falls_silent_defers_the_message_and_is_left(mailer_to: Make, verb: str) -> None:
    async with ScriptedSmtpServer({verb: [SILENCE]}) as server:
        delivery = await mailer_to(server, timeout=0.2).send(ENVELOPE)
        assert delivery == Deferred(None, "not sent within 0.2 s")
        await server.until(lambda: server.connections == 0)


async def test_a_server_that_is_not_ready_in_time_defers_the_message(mailer_to: Make) -> None:
    async with ScriptedSmtpServer({"greeting": [SILENCE]}) as server:
        delivery = await mailer_to(server, connect_timeout=0.1).send(ENVELOPE)
        assert delivery == Deferred(None, f"127.0.0.1:{server.port} was not ready within 0.1 s")
        await server.until(lambda: server.connections == 0)


async def test_messages_share_a_connection_each_in_a_transaction_of_its_own(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        mailer = mailer_to(server)
        for _ in range(3):
            assert isinstance(await mailer.send(ENVELOPE), Sent)
        assert server.seen == [["EHLO", *["MAIL", "RCPT", "DATA", "."] * 3]]


@pytest.mark.parametrize("end", ["time-out", "421", "silence"])
async def test_a_kept_connection_that_has_died_costs_no_attempt(
    mailer_to: Make, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(smtp, "_KEPT_SECONDS", 0.1)
    on_the_second = {"421": b"421 4.4.2 idle for too long", "silence": SILENCE, "time-out": b"250 ok"}[end]
    async with ScriptedSmtpServer({"MAIL": [b"250 ok", on_the_second, b"250 ok"]}) as server:
        mailer = mailer_to(server)
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        if end == "time-out":
            await server.hang_up()
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        assert len(server.contents) == len(server.seen) == 2
        await server.until(lambda: server.connections == 1)


async def test_a_fresh_connection_that_dies_is_not_tried_a_second_time(mailer_to: Make) -> None:
    async with ScriptedSmtpServer({"MAIL": [HANG_UP]}) as server:
        assert isinstance(await mailer_to(server).send(ENVELOPE), Deferred)
        assert len(server.seen) == 1


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
async def test_a_connection_lost_after_mail_was_accepted_is_not_tried_a_second_time(mailer_to: Make, verb: str) -> None:
    async with ScriptedSmtpServer({verb: [ScriptedSmtpServer.usual(verb), HANG_UP]}) as server:
        mailer = mailer_to(server)
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        delivery = await mailer.send(ENVELOPE)
        assert isinstance(delivery, Deferred)
        assert delivery.code is None
        assert len(server.seen) == 1


async def test_after_a_refusal_the_next_message_starts_on_a_clean_connection(mailer_to: Make) -> None:
    async with ScriptedSmtpServer({"RCPT": [b"550 5.1.1 unknown", b"250 ok"]}) as server:
        mailer = mailer_to(server)
        assert isinstance(await mailer.send(ENVELOPE), Refused)
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        await server.until(lambda: server.connections == 1)
        assert server.seen == [["EHLO", "MAIL", "RCPT", "QUIT"], ["EHLO", "MAIL", "RCPT", "DATA", "."]]


async def test_no_more_connections_are_open_than_allowed(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        mailer = mailer_to(server, connections=3)
        server.gate.clear()
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(mailer.send(ENVELOPE)) for _ in range(9)]
            await server.until(lambda: len(server.contents) == 3)
            server.gate.set()
        assert all(isinstance(task.result(), Sent) for task in sending)
        assert server.at_once == len(server.seen) == 3


async def test_an_attempt_that_is_cancelled_leaves_its_connection_and_its_place(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        mailer = mailer_to(server, connections=1)
        server.gate.clear()
        sending = asyncio.create_task(mailer.send(ENVELOPE))
        await server.until(lambda: len(server.contents) == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.gate.set()
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        assert len(server.seen) == 2


async def test_closing_says_goodbye_on_every_connection(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        mailer = mailer_to(server)
        server.gate.clear()
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(mailer.send(ENVELOPE)) for _ in range(2)]
            await server.until(lambda: len(server.contents) == 2)
            server.gate.set()
        assert all(isinstance(task.result(), Sent) for task in sending)
        await mailer.close()
        await server.until(lambda: server.connections == 0)
        assert [verbs[-1] for verbs in server.seen] == ["QUIT", "QUIT"]


async def test_a_message_under_way_when_the_mailer_closes_is_sent(mailer_to: Make) -> None:
    async with ScriptedSmtpServer() as server:
        mailer = mailer_to(server)
        server.gate.clear()
        sending = asyncio.create_task(mailer.send(ENVELOPE))
        await server.until(lambda: len(server.contents) == 1)
        await mailer.close()
        server.gate.set()
        assert isinstance(await sending, Sent)
        await server.until(lambda: server.connections == 0)
        assert server.seen[0][-1] == "QUIT"


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE, b"500 no", b"hola"])
async def test_closing_ends_whatever_the_server_answers(
    mailer_to: Make, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(smtp, "_QUIT_SECONDS", 0.1)
    async with ScriptedSmtpServer({"QUIT": [answer]}) as server:
        mailer = mailer_to(server)
        assert isinstance(await mailer.send(ENVELOPE), Sent)
        await mailer.close()
        await server.until(lambda: server.connections == 0)


@pytest.mark.req("S33")
@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "ana@empresa.example>\r\nRCPT TO:<x@otra.example"},
        {"recipient": "ana@empresa.example> SIZE=1"},
        {"recipient": "añá@empresa.example"},
        {"recipient": ""},
        {"sender": "avisos@pagos.example\n"},
        {"sender": "<avisos@pagos.example>"},
        {"content": "Subject: Contraseña\r\n\r\n".encode()},
    ],
)
async def test_an_envelope_that_smtp_cannot_carry_is_a_mistake_of_the_caller(
    mailer_to: Make, changes: dict[str, Any]
) -> None:
    async with ScriptedSmtpServer() as server:
        with pytest.raises(ValueError, match="ASCII"):
            await mailer_to(server).send(replace(ENVELOPE, **changes))
        assert server.seen == []
