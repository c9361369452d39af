"""`reclave mail …`: every mail can be looked at, and a test tells what the server says."""

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

from reclave.demo.maildrop import Maildrop
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.domain.outbox import Template
from tests.cli.conftest import Installation

TO = "operaciones@reclave.example"


@pytest.mark.parametrize("template", [one for one in Template if one is not Template.RESET_LINK])
def test_every_mail_can_be_looked_at(installation: Installation, template: Template) -> None:
    text = installation.done("mail", "preview", "pagos", template, "--language", "en")
    assert "Pagos de Ejemplo" in text
    assert "We will never ask you for personal data or your password by e-mail." in text


def test_a_preview_has_a_text_a_html_part_and_a_source(installation: Installation) -> None:
    link = installation.done("mail", "preview", "compras", "reset_link")
    assert "/compras/cambiar/" in link
    assert "<html" in installation.done("mail", "preview", "compras", "reset_link", "--html")
    source = installation.done("mail", "preview", "compras", "reset_link", "--source")
    assert "Content-Type: multipart/alternative" in source


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["pagos", "reset_link"], "pagos sends no such mail", 1),
        (["pagos", "reset"], "no mail is called 'reset'", 2),
        (["pagos", "user_names", "--language", "fr"], "pagos does not speak 'fr'", 2),
        (["nowhere", "user_names"], "no portal is called 'nowhere'", 1),
    ],
)
def test_a_mail_that_there_is_not_is_said(
    installation: Installation, arguments: list[str], said: str, code: int
) -> None:
    assert said in installation.refused("mail", "preview", *arguments, code=code)


@pytest.fixture
def maildrop(installation: Installation) -> Iterator[Maildrop]:
    """What the installation's mail server takes; it refuses one address."""
    drop, loop = Maildrop(), asyncio.new_event_loop()
    server = LoopbackSmtpServer(drop, policy=lambda to, _: "550 5.7.1 no relay" if to.startswith("no") else None)
    running = threading.Thread(target=loop.run_forever)
    running.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    path = installation.settings
    path.write_text(path.read_text("utf-8").replace("smtp_port = 9\n", f"smtp_port = {server.port}\n"), "utf-8")
    yield drop
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()


def test_a_test_mail_arrives_and_the_servers_answer_is_said(installation: Installation, maildrop: Maildrop) -> None:
    said = installation.done("mail", "test", "--to", TO, "--portal", "pagos")
    assert "without TLS" in said
    assert "\n250 " in said
    (mail,) = maildrop.messages(TO)
    assert mail.from_ == "Pagos de Ejemplo <no-responder@pagos.example>"
    refused = installation.refused("mail", "test", "--to", "no@reclave.example")
    assert "whether it may relay" in refused
    result = installation.run("mail", "test", "--to", "no@reclave.example", "--json")
    assert (result.exit_code, json.loads(result.stdout)["taken"]) == (1, False)


def test_a_server_that_is_not_there_is_said_with_what_to_look_at(installation: Installation) -> None:
    said = installation.refused("mail", "test", "--to", TO)
    assert "smtp_host and smtp_port" in said
    assert "no e-mail address" in installation.refused("mail", "test", "--to", "nobody")
