"""The demo's SMTP server, spoken to by the same client that the product sends mail with."""

import asyncio
import smtplib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
import pytest_asyncio
import uvloop

from reclave.demo.maildrop import Maildrop
from reclave.demo.smtp_server import MESSAGE_BYTES, LoopbackSmtpServer, RecipientPolicy
from reclave.domain.time import HOUR

RECIPIENT = "ana@empresa.example"
SENDER = "avisos@pagos.example"
CREDENTIALS = ("reclave", "Clave-del-demo")

StartServer = Callable[..., Awaitable[LoopbackSmtpServer]]


@pytest.fixture
def maildrop(tmp_path: Path) -> Maildrop:
    return Maildrop(tmp_path / "mail")


@pytest_asyncio.fixture
async def start_server(maildrop: Maildrop) -> AsyncIterator[StartServer]:
    started: list[LoopbackSmtpServer] = []

    async def start(
        policy: RecipientPolicy | None = None,
        tls_context: ssl.SSLContext | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> LoopbackSmtpServer:
        server = LoopbackSmtpServer(maildrop, policy=policy, tls_context=tls_context, credentials=credentials)
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make = "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=x"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make.split(), *names, *files], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusting_client_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate[0])


def mail(to: str = RECIPIENT, body: str = "Su contraseña temporal.") -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"Pagos en línea <{SENDER}>"
    message["To"] = to
    message["Subject"] = "Recuperación de contraseña"
    message["Message-ID"] = "<1@pagos.example>"
    message.set_content(body)
    return message


def plain_client(server: LoopbackSmtpServer) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=server.port, use_tls=False, start_tls=False, timeout=10)


def tls_client(server: LoopbackSmtpServer, context: ssl.SSLContext) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=server.port, start_tls=True, tls_context=context, timeout=10)


async def test_an_accepted_mail_lies_in_the_maildrop_under_the_id_of_the_answer(
    start_server: StartServer, maildrop: Maildrop
) -> None:
    async with plain_client(await start_server()) as client:
        refused, answer = await client.send_message(mail())

    [message] = maildrop.messages(RECIPIENT)
    assert (refused, answer) == ({}, f"2.0.0 queued as {message.id}")
    assert (message.sender, message.recipients) == (SENDER, (RECIPIENT,))
    assert (message.subject, message.message_id) == ("Recuperación de contraseña", "<1@pagos.example>")
    assert message.text == "Su contraseña temporal.\n"


async def test_a_mail_carries_its_envelope_and_its_arrival_in_front(
    start_server: StartServer, maildrop: Maildrop
) -> None:
    others = ["luis@empresa.example", "eva@otra.example"]
    async with plain_client(await start_server()) as client:
        await client.send_message(mail(), recipients=[RECIPIENT, *others])

    [message] = maildrop.messages()
    names = [name for name, _ in message.headers]
    assert names[:5] == ["Return-Path", "Delivered-To", "Delivered-To", "Delivered-To", "Received"]
    assert f"id {message.id};" in message.header("Received")
    assert "with ESMTP id" in message.header("Received")


async def test_one_connection_can_send_several_mails(start_server: StartServer, maildrop: Maildrop) -> None:
    async with plain_client(await start_server()) as client:
        for number in range(3):
            await client.send_message(mail(body=f"Mensaje {number}"))

    newest_first = await maildrop.wait_for(RECIPIENT, count=3, timeout=10)
    assert [message.text for message in newest_first] == ["Mensaje 2\n", "Mensaje 1\n", "Mensaje 0\n"]


async def test_the_null_sender_of_a_bounce_is_stored_as_empty(start_server: StartServer, maildrop: Maildrop) -> None:
    async with plain_client(await start_server()) as client:
        await client.ehlo()
        await client.execute_command(b"MAIL", b"FROM:<>")
        await client.execute_command(b"RCPT", f"TO:<{RECIPIENT}>".encode())
        await client.data(b"Subject: Aviso de no entrega\r\n\r\n")

    assert maildrop.messages()[0].sender == ""


@pytest.mark.parametrize(
    "recipient",
    [
        "ana@empresa.test",
        "ana@example",
        "ana@example.com",
        "ana@xexample",
        "ana@[127.0.0.1]",
        "ana@a.example.com",
    ],
)
async def test_mail_for_a_domain_outside_the_demo_is_refused_for_good(
    start_server: StartServer, maildrop: Maildrop, recipient: str
) -> None:
    async with plain_client(await start_server()) as client:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
            await client.sendmail(SENDER, [recipient], mail().as_bytes())

    assert refusal.value.recipients[0].code == 550
    assert maildrop.messages() == []


async def test_the_caller_chooses_the_domains(maildrop: Maildrop) -> None:
    server = LoopbackSmtpServer(maildrop, allowed_domains=["Correo.prueba.test"])
    await server.start()
    async with plain_client(server) as client:
        await client.sendmail(SENDER, ["ana@correo.PRUEBA.test"], mail().as_bytes())
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await client.sendmail(SENDER, [RECIPIENT], mail().as_bytes())
    await server.stop()

    assert [message.recipients for message in maildrop.messages()] == [("ana@correo.PRUEBA.test",)]


@pytest.mark.req("S2")
async def test_a_policy_can_defer_a_recipient_until_the_third_attempt(
    start_server: StartServer, maildrop: Maildrop
) -> None:
    def not_before_the_third(_recipient: str, attempt: int) -> str | None:
        return "451 4.3.0 try again" if attempt < 3 else None

    codes = []
    async with plain_client(await start_server(policy=not_before_the_third)) as client:
        for _ in range(2):
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
                await client.send_message(mail())
            codes.append(refusal.value.recipients[0].code)
        await client.send_message(mail())

    assert codes == [451, 451]
    assert len(maildrop.messages(RECIPIENT)) == 1


async def test_a_policy_can_refuse_one_recipient_and_let_the_others_pass(
    start_server: StartServer, maildrop: Maildrop
) -> None:
    def unknown(recipient: str, _attempt: int) -> str | None:
        return "550 5.1.1 no such user" if recipient.startswith("nadie@") else None

    async with plain_client(await start_server(policy=unknown)) as client:
        refused, _ = await client.send_message(mail(), recipients=["nadie@empresa.example", RECIPIENT])

    assert {address: answer[:2] for address, answer in refused.items()} == {
        "nadie@empresa.example": (550, "5.1.1 no such user")
    }
    assert maildrop.messages()[0].recipients == (RECIPIENT,)


async def test_a_policy_that_answers_nonsense_is_reported_as_a_temporary_failure(
    start_server: StartServer, maildrop: Maildrop
) -> None:
    async with plain_client(await start_server(policy=lambda _recipient, _attempt: "250 OK")) as client:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
            await client.send_message(mail())

    assert refusal.value.recipients[0].code == 451
    assert maildrop.messages() == []


@pytest.mark.req("S49")
async def test_a_mail_over_one_mebibyte_is_refused_and_not_kept(start_server: StartServer, maildrop: Maildrop) -> None:
    line = b"x" * 998 + b"\r\n"
    too_large = b"Subject: grande\r\n\r\n" + line * (MESSAGE_BYTES // len(line) + 1)
    async with plain_client(await start_server()) as client:
        await client.ehlo()
        await client.mail(SENDER)
        await client.rcpt(RECIPIENT)
        with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
            await client.data(too_large)
        await client.rset()
        await client.send_message(mail())

    assert refusal.value.code == 552
    assert [message.subject for message in maildrop.messages()] == ["Recuperación de contraseña"]


@pytest.mark.req("S49")
async def test_the_101st_recipient_of_a_mail_is_put_off(start_server: StartServer, maildrop: Maildrop) -> None:
    recipients = [f"persona{number}@empresa.example" for number in range(101)]
    async with plain_client(await start_server()) as client:
        refused, _ = await client.sendmail(SENDER, recipients, mail().as_bytes())

    assert [answer.code for answer in refused.values()] == [452]
    assert len(maildrop.messages()[0].recipients) == 100


@pytest.mark.req("S33")
@pytest.mark.parametrize(
    "address", [b"a\x0bb@empresa.example", b'"a\rBcc: x"@empresa.example', b"a\x00@empresa.example"]
)
async def test_an_address_with_control_characters_never_reaches_a_header(
    start_server: StartServer, maildrop: Maildrop, address: bytes
) -> None:
    server = await start_server()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"EHLO prueba.example\r\nMAIL FROM:<%s>\r\nMAIL FROM:<%s>\r\n" % (address, SENDER.encode()))
    writer.write(b"RCPT TO:<%s>\r\nDATA\r\nQUIT\r\n" % address)
    answers = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert b"354" not in answers
    assert maildrop.messages() == []


async def test_addresses_outside_ascii_are_not_offered_and_not_taken(start_server: StartServer) -> None:
    async with plain_client(await start_server()) as client:
        await client.ehlo()
        assert not client.supports_extension("smtputf8")
        answer = await client.execute_command(b"MAIL", "FROM:<maría@empresa.example>".encode())
    assert answer.code == 500


@pytest.mark.req("S47")
async def test_nothing_is_taken_before_starttls_when_the_server_has_a_certificate(
    start_server: StartServer, server_tls: ssl.SSLContext
) -> None:
    async with plain_client(await start_server(tls_context=server_tls)) as client:
        await client.ehlo()
        assert client.supports_extension("starttls")
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as refusal:
            await client.mail(SENDER)
    assert refusal.value.code == 530


@pytest.mark.req("S47")
async def test_a_mail_sent_over_starttls_says_so_in_its_trace(
    start_server: StartServer,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    trusting_client_tls: ssl.SSLContext,
) -> None:
    async with tls_client(await start_server(tls_context=server_tls), trusting_client_tls) as client:
        assert not client.supports_extension("auth")
        await client.send_message(mail())
    assert "with ESMTPS id" in maildrop.messages()[0].header("Received")


@pytest.mark.req("S47")
async def test_a_client_that_refuses_the_certificate_leaves_the_server_well(
    start_server: StartServer,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    trusting_client_tls: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = await start_server(tls_context=server_tls)
    with pytest.raises(ssl.SSLCertVerificationError):
        await tls_client(server, ssl.create_default_context()).connect()
    async with tls_client(server, trusting_client_tls) as client:
        await client.send_message(mail())

    assert len(maildrop.messages()) == 1
    assert [record.message for record in caplog.records] == []


@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_with_credentials_each_mechanism_opens_the_server(
    start_server: StartServer,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    trusting_client_tls: ssl.SSLContext,
    mechanism: str,
) -> None:
    server = await start_server(tls_context=server_tls, credentials=CREDENTIALS)
    async with tls_client(server, trusting_client_tls) as client:
        await client.ehlo()
        await getattr(client, f"auth_{mechanism}")(*CREDENTIALS)
        await client.send_message(mail())
    assert "with ESMTPSA id" in maildrop.messages()[0].header("Received")


async def test_with_credentials_a_wrong_password_or_none_is_refused(
    start_server: StartServer,
    maildrop: Maildrop,
    server_tls: ssl.SSLContext,
    trusting_client_tls: ssl.SSLContext,
) -> None:
    server = await start_server(tls_context=server_tls, credentials=CREDENTIALS)
    async with tls_client(server, trusting_client_tls) as client:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as wrong:
            await client.login("reclave", "otra")
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as anonymous:
            await client.send_message(mail())

    assert (wrong.value.code, anonymous.value.code) == (535, 530)
    assert maildrop.messages() == []


def test_credentials_without_tls_are_a_mistake_of_the_caller(maildrop: Maildrop) -> None:
    with pytest.raises(ValueError, match="over TLS only"):
        LoopbackSmtpServer(maildrop, credentials=CREDENTIALS)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104  refused is what is tested
def test_it_listens_on_nothing_but_loopback(maildrop: Maildrop, host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        LoopbackSmtpServer(maildrop, host=host)


async def test_a_stop_cuts_connections_that_idle_and_connections_in_their_tls_handshake(
    maildrop: Maildrop, server_tls: ssl.SSLContext
) -> None:
    server = LoopbackSmtpServer(maildrop, tls_context=server_tls)
    await server.start()
    idle, idle_writer = await asyncio.open_connection("127.0.0.1", server.port)
    await idle.readline()
    shaking, shaking_writer = await asyncio.open_connection("127.0.0.1", server.port)
    shaking_writer.write(b"STARTTLS\r\n")
    await shaking.readline()
    assert (await shaking.readline()).startswith(b"220")

    await asyncio.wait_for(server.stop(), 10)

    assert await idle.read() == b""
    idle_writer.close()
    shaking_writer.close()
    with pytest.raises(RuntimeError):
        _ = server.port


async def test_a_full_disk_is_a_temporary_failure_and_the_next_mail_passes(
    start_server: StartServer, maildrop: Maildrop, tmp_path: Path
) -> None:
    async with plain_client(await start_server()) as client:
        (tmp_path / "mail" / "tmp").rename(tmp_path / "away")
        with pytest.raises(aiosmtplib.SMTPDataError) as failure:
            await client.send_message(mail())
        (tmp_path / "away").rename(tmp_path / "mail" / "tmp")
        await client.send_message(mail())

    assert failure.value.code == 452
    assert len(maildrop.messages()) == 1


def test_starttls_works_under_uvloop_too(
    maildrop: Maildrop, server_tls: ssl.SSLContext, trusting_client_tls: ssl.SSLContext
) -> None:
    async def send_one() -> None:
        server = LoopbackSmtpServer(maildrop, tls_context=server_tls)
        await server.start()
        async with tls_client(server, trusting_client_tls) as client:
            await client.send_message(mail())
        await server.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send_one())
    assert len(maildrop.messages()) == 1


async def test_the_standard_librarys_blocking_client_is_served_too(
    start_server: StartServer, maildrop: Maildrop
) -> None:
    server = await start_server()

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
            client.send_message(mail())

    await asyncio.to_thread(send)
    assert maildrop.messages()[0].received_at > HOUR
