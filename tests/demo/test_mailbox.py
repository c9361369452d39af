"""The demo's mailbox as a browser and as a script see it."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import httpx2
import pytest
import pytest_asyncio

from reclave.demo.mailbox import mailbox_app
from reclave.demo.mailbox_rendering import framed, linked
from reclave.demo.maildrop import Maildrop
from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant

ANA, LUIS = "ana@empresa.example", "luis@empresa.example"
NOW = 20_000 * DAY + 17 * HOUR  # 4 October 2024, 17:00 UTC, noon in Bogotá
PORTALS = [("Pagos de Ejemplo", "http://localhost:8000/pagos/")]


class Clock:
    def __init__(self) -> None:
        self.now: Instant = NOW

    def __call__(self) -> Instant:
        return self.now


class Links(HTMLParser):
    """The attributes of every link on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            # Of two attributes with one name a browser takes the first.
            self.found.append(dict(reversed(attrs)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def maildrop(clock: Clock) -> Maildrop:
    return Maildrop(now=clock)


@pytest_asyncio.fixture
async def browser(maildrop: Maildrop, clock: Clock) -> AsyncIterator[httpx2.AsyncClient]:
    app = mailbox_app(maildrop, portal_links=PORTALS, now=clock, timezone=ZoneInfo("America/Bogota"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost:8025") as client:
        yield client


async def deliver(
    maildrop: Maildrop, subject: str, *recipients: str, text: str = "Hola\n", html: str = ""
) -> StoredMessage:
    mail = EmailMessage()
    mail["From"] = "Pagos de Ejemplo <avisos@pagos.example>"
    mail["To"] = ", ".join(recipients or [ANA])
    mail["Subject"] = subject
    mail["Message-ID"] = "<7@pagos.example>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return await maildrop.deliver(mail.as_bytes(), sender="rebotes@pagos.example", recipients=recipients or (ANA,))


async def page(browser: httpx2.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


async def test_an_empty_mailbox_says_how_to_get_a_mail_and_looks_again_without_javascript(
    browser: httpx2.AsyncClient,
) -> None:
    html = await page(browser, "/")
    assert "Todavía no ha llegado ningún mensaje" in html
    assert "Ir a Pagos de Ejemplo" in html
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in html


async def test_the_list_shows_the_newest_first_with_its_time_in_the_zone_of_the_reader(
    browser: httpx2.AsyncClient, maildrop: Maildrop, clock: Clock
) -> None:
    clock.now = NOW - 400 * DAY
    await deliver(maildrop, "Muy antiguo")
    clock.now = NOW - 3 * MINUTE
    await deliver(maildrop, "Clave temporal")
    clock.now = NOW
    await deliver(maildrop, "Aviso de cambio")

    html = await page(browser, "/")
    assert html.index("Aviso de cambio") < html.index("Clave temporal") < html.index("Muy antiguo")
    assert "ahora mismo" in html
    assert "hace 3 minutos" in html
    assert "4 oct, 11:57" in html
    assert "2023, 12:00" in html
    assert 'datetime="2024-10-04T11:57:00-05:00"' in html
    assert "refresh" not in html.partition("</head>")[0]


async def test_a_mail_is_bold_until_somebody_opens_it(browser: httpx2.AsyncClient, maildrop: Maildrop) -> None:
    message = await deliver(maildrop, "Clave temporal")
    assert "row unread" in await page(browser, "/")
    await browser.head(f"/messages/{message.id}")
    await browser.get(f"/api/messages/{message.id}")
    assert "row unread" in await page(browser, "/")

    await page(browser, f"/messages/{message.id}")
    html = await page(browser, "/")
    assert "row unread" not in html
    assert "1 mensaje, ninguno sin leer" in html


async def test_a_chip_a_recipient_filters_the_list_and_search_filters_within_it(
    browser: httpx2.AsyncClient, maildrop: Maildrop
) -> None:
    await deliver(maildrop, "Clave de Ana", ANA)
    await deliver(maildrop, "Clave de Luis", LUIS)
    await deliver(maildrop, "Aviso a Luis", LUIS)

    html = await page(browser, "/")
    chips = [link["href"] for link in Links(html).found if "to=" in (link["href"] or "")]
    assert chips == ["/?to=luis%40empresa.example", "/?to=ana%40empresa.example"]

    of_luis = await page(browser, "/?to=luis%40empresa.example")
    assert "Clave de Luis" in of_luis
    assert "Clave de Ana" not in of_luis
    assert "2 de 3 mensajes" in of_luis

    keys_of_luis = await page(browser, "/?to=luis%40empresa.example&q=clave")
    assert "Clave de Luis" in keys_of_luis
    assert "Aviso a Luis" not in keys_of_luis
    assert 'value="clave"' in keys_of_luis

    assert "Ningún mensaje coincide" in await page(browser, "/?q=nada")


async def test_long_lists_come_in_parts(browser: httpx2.AsyncClient, maildrop: Maildrop) -> None:
    for number in range(52):
        await deliver(maildrop, f"Mensaje {number:02}")

    first = await page(browser, "/")
    assert "Mensaje 02" in first
    assert "Mensaje 01" not in first
    assert 'href="/?n=100"' in first
    assert "Mensaje 00" in await page(browser, "/?n=100")


@pytest.mark.parametrize("query", ["n=-1", "n=0", "n=x", "n=99999", "n=%C2%B2", "to=%00", "q=%ff", "to=" + "x" * 5000])
async def test_a_query_typed_by_hand_never_breaks_the_list(
    browser: httpx2.AsyncClient, maildrop: Maildrop, query: str
) -> None:
    await deliver(maildrop, "Clave temporal")
    await page(browser, f"/?{query}")


async def test_a_mail_opens_with_its_html_else_with_its_text(browser: httpx2.AsyncClient, maildrop: Maildrop) -> None:
    both = await deliver(maildrop, "Con HTML", html="<p>Hola</p>")
    plain = await deliver(maildrop, "Solo texto", text="Entre en http://localhost:8000/pagos/.\n")

    html = await page(browser, f"/messages/{both.id}")
    assert f'src="/messages/{both.id}/body"' in html
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in html

    text = await page(browser, f"/messages/{plain.id}?view=html")
    assert "<iframe" not in text
    assert "view=html" not in text
    [link] = [link for link in Links(text).found if link["href"] == "http://localhost:8000/pagos/" and "target" in link]
    assert (link["target"], link["rel"]) == ("_blank", "noopener noreferrer")


async def test_all_recipients_of_the_envelope_are_shown_where_the_header_hides_them(
    browser: httpx2.AsyncClient, maildrop: Maildrop
) -> None:
    shown = await deliver(maildrop, "Visible", ANA, LUIS)
    hidden = await maildrop.deliver(b"To: ana@empresa.example\r\n\r\n", sender="", recipients=[ANA, LUIS])
    assert "Entregado a" not in await page(browser, f"/messages/{shown.id}")
    assert "ana@empresa.example, luis@empresa.example" in await page(browser, f"/messages/{hidden.id}")


async def test_headers_are_a_table_and_the_source_can_be_kept_as_a_file(
    browser: httpx2.AsyncClient, maildrop: Maildrop
) -> None:
    message = await deliver(maildrop, "Contraseña <temporal>")

    headers = await page(browser, f"/messages/{message.id}?view=headers")
    assert '<th scope="row">Message-ID</th><td>&lt;7@pagos.example&gt;</td>' in headers
    assert '<th scope="row">Subject</th><td>Contraseña &lt;temporal&gt;</td>' in headers
    assert "Return-Path: &lt;rebotes@pagos.example&gt;" in await page(browser, f"/messages/{message.id}?view=source")

    file = await browser.get(f"/messages/{message.id}/source")
    assert file.content == message.raw
    assert file.headers["content-type"] == "message/rfc822"
    assert file.headers["content-disposition"] == f'attachment; filename="{message.id}.eml"'


async def test_what_a_mail_says_is_never_markup_of_the_page(browser: httpx2.AsyncClient, maildrop: Maildrop) -> None:
    attack = '"><script>alert(1)</script>'
    message = await deliver(maildrop, attack, text=f'{attack} http://x.example/"onclick=alert(1)')
    for path in ("/", f"/messages/{message.id}?view=text", f"/messages/{message.id}?view=headers"):
        assert "<script>" not in await page(browser, f"{path}")
    assert "<script>" not in await page(browser, "/?q=%3Cscript%3E&to=%22%3E%3Cscript%3E")


@pytest.mark.req("S46")
async def test_the_html_of_a_mail_is_served_without_script_origin_or_anything_fetched(
    browser: httpx2.AsyncClient, maildrop: Maildrop
) -> None:
    message = await deliver(maildrop, "Con HTML", html="<p>Hola</p><script>alert(1)</script>")
    body = await browser.get(f"/messages/{message.id}/body")
    directives = body.headers["content-security-policy"].split("; ")
    assert {
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    } <= set(directives)
    assert not any("script" in directive for directive in directives)
    assert (await browser.get(f"/messages/{(await deliver(maildrop, 'Texto')).id}/body")).status_code == 404


@pytest.mark.req("S46")
@pytest.mark.parametrize("path", ["/", "/messages/1", "/api/messages", "/static/mailbox.css", "/nada"])
async def test_every_answer_carries_the_security_headers(browser: httpx2.AsyncClient, path: str) -> None:
    headers = (await browser.get(path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-security-policy"].startswith("default-src 'self'; object-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.req("S32")
@pytest.mark.parametrize(
    "host",
    [
        "buzon.example",
        "localhost.buzon.example",
        "127.0.0.1.buzon.example",
        "192.0.2.1:8025",
        "localhost:x",
        "",
    ],
)
async def test_a_name_that_somebody_pointed_at_this_machine_opens_nothing(
    browser: httpx2.AsyncClient, maildrop: Maildrop, host: str
) -> None:
    await deliver(maildrop, "Clave temporal")
    answer = await browser.get("/api/messages", headers={"Host": host})
    assert answer.status_code == 421
    assert "Clave" not in answer.text
    assert "solo se abre en este equipo" in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8025", "127.0.0.1:9", "[::1]:8025"])
async def test_every_name_of_this_machine_opens_it(browser: httpx2.AsyncClient, host: str) -> None:
    assert (await browser.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.req("S32")
async def test_two_host_headers_are_refused(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/", headers=[("Host", "localhost"), ("Host", "buzon.example")])
    assert answer.status_code == 421


async def test_an_address_that_leads_nowhere_says_so_and_shows_the_way_back(
    browser: httpx2.AsyncClient,
) -> None:
    for path in ("/messages/12345", "/nada"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert "Aquí no hay ningún mensaje" in answer.text
    assert (await browser.get("/api/messages/12345")).json() == {"error": "Not Found"}
    assert (await browser.post("/")).status_code == 405


async def test_scripts_read_the_mails_as_json(browser: httpx2.AsyncClient, maildrop: Maildrop) -> None:
    await deliver(maildrop, "Aviso a Luis", LUIS)
    message = await deliver(maildrop, "Clave temporal", text="Su clave\n", html="<p>Su clave</p>\n")
    summary = {
        "id": message.id,
        "received_at": "2024-10-04T17:00:00.000001+00:00",
        "unread": True,
        "sender": "rebotes@pagos.example",
        "recipients": [ANA],
        "from": "Pagos de Ejemplo <avisos@pagos.example>",
        "to": ANA,
        "subject": "Clave temporal",
        "message_id": "<7@pagos.example>",
    }
    assert (await browser.get("/api/messages", params={"to": ANA})).json() == {"messages": [summary]}
    found = (await browser.get("/api/messages", params={"q": "aviso a luis"})).json()["messages"]
    assert [one["recipients"] for one in found] == [[LUIS]]

    detail = (await browser.get(f"/api/messages/{message.id}")).json()
    assert {key: detail[key] for key in summary} == summary
    assert (detail["text"], detail["html"]) == ("Su clave\n", "<p>Su clave</p>\n")
    assert ["Subject", "Clave temporal"] in detail["headers"]


async def test_the_version_changes_with_a_mail_a_reading_and_a_minute_and_with_nothing_else(
    browser: httpx2.AsyncClient, maildrop: Maildrop, clock: Clock
) -> None:
    async def version() -> str:
        answer: dict[str, str] = (await browser.get("/api/version")).json()
        return answer["version"]

    seen = [await version()]
    message = await deliver(maildrop, "Clave temporal")
    seen.append(await version())
    await page(browser, f"/messages/{message.id}")
    seen.append(await version())
    clock.now += MINUTE
    seen.append(await version())
    assert len(set(seen)) == 4

    clock.now += SECOND
    await page(browser, f"/messages/{message.id}")
    assert await version() == seen[-1]
    assert f'data-version="{seen[-1]}"' in await page(browser, "/")


def test_a_portal_link_is_an_ordinary_web_address(maildrop: Maildrop) -> None:
    with pytest.raises(ValueError, match="neither http nor https"):
        mailbox_app(maildrop, portal_links=[("Trampa", "javascript:alert(1)")])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Vaya a https://pagos.example/a?b=c&d=e.", "https://pagos.example/a?b=c&d=e"),
        ("«http://localhost:8000/x»", "http://localhost:8000/x"),
        ("<https://pagos.example/r/aB-3_x>", "https://pagos.example/r/aB-3_x"),
    ],
)
def test_an_address_in_a_text_is_a_link_without_the_punctuation_around_it(text: str, address: str) -> None:
    [link] = Links(linked(text)).found
    assert link == {"href": address, "target": "_blank", "rel": "noopener noreferrer"}


def test_text_that_is_no_web_address_stays_text() -> None:
    assert linked("javascript:alert(1) <b> & ftp://x.example") == (
        "javascript:alert(1) &lt;b&gt; &amp; ftp://x.example"
    )


def test_every_link_in_a_mails_html_opens_a_tab_of_its_own_whatever_the_mail_says() -> None:
    html = framed('<!DOCTYPE html><html><a href="/x" target="_top" rel="opener">x</a><abbr>y</abbr>')
    assert html.startswith('<!DOCTYPE html><base target="_blank"><html>')
    [link] = Links(html).found
    assert (link["target"], link["rel"]) == ("_blank", "noopener noreferrer")
    assert "<abbr>" in html
