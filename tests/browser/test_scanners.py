"""What mail security products do with the links of a mail uses nothing up and reports nothing (B2, C8; S12, I3)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
from playwright.async_api import expect

from tests.browser import compras
from tests.browser.compras import ADDRESS, REPORT, RESET, mail_after_asking, signs_in, types_code
from tests.browser.person import DESKTOP, PLAIN_DESKTOP, Equipment, Person, report_link
from tests.browser.service import Service
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, code_in, reset_link

ANOTHER_NETWORK = "127.0.0.9"
REDIRECTS = {301, 302, 303, 307, 308}
_AGENT = "Mozilla/5.0 (compatible; example-link-check/1.0)"


@dataclass(slots=True)
class Fetcher:
    """A scanner without a browser, in a network that is not the owner's: keeps cookies and follows redirects."""

    client: httpx2.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)

    async def fetches(self, link: str, method: str = "GET", **headers: str) -> httpx2.Response:
        """Fetch a link to where it leads; a POST is a form with nothing in it."""
        for _ in range(5):
            kept = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            body = b"" if method == "POST" else None
            content_type = {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
            answer = await self.client.request(
                method, link, content=body, headers={**kept, **headers, **content_type}, follow_redirects=False
            )
            # A cookie jar would not give cookies for https alone back to a host that tests reach without.
            for cookie in answer.headers.get_list("set-cookie"):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            if answer.status_code not in REDIRECTS:
                return answer
            link = urljoin(link, answer.headers["location"])
            method = "HEAD" if method == "HEAD" else "GET"
        raise AssertionError(f"{link} never ends")


@asynccontextmanager
async def in_another_network(service: Service) -> AsyncIterator[Fetcher]:
    """A fetcher whose connections come from another address than everybody else's."""
    transport = httpx2.AsyncHTTPTransport(local_address=ANOTHER_NETWORK)
    host = urlsplit(service.origin)
    headers = {"host": host.netloc, "user-agent": _AGENT}
    async with httpx2.AsyncClient(transport=transport, headers=headers) as client:
        yield Fetcher(client)


async def from_another_network(service: Service, link: str, form: str) -> None:
    """HEAD, GET, and an empty form, with and without an origin, with what the link's cookie opens."""
    origin = service.origin
    there = f"http://127.0.0.1:{urlsplit(origin).port}"
    async with in_another_network(service) as scanner:
        for method in ("HEAD", "GET", "HEAD", "GET"):
            assert (await scanner.fetches(link.replace(origin, there), method)).status_code == 200
        assert (await scanner.fetches(there + form)).status_code == 200, "the cookie of the link is kept"
        assert (await scanner.fetches(there + form, "POST")).status_code == 403
        assert (await scanner.fetches(there + form, "POST", origin=origin)).status_code == 422
        assert (await scanner.fetches(link.replace(origin, there), "POST", origin=origin)).status_code == 405
    async with in_another_network(service) as scanner:
        assert (await scanner.fetches(there + form, "POST", origin=origin)).status_code in {404, 410}


async def in_a_browser(service: Service, link: str, equipment: Equipment) -> None:
    """Open the link, follow every link of its page, and send its form as it stands."""
    scanner = await service.person(equipment)
    await scanner.fetches(link, "HEAD")
    assert (await scanner.opens(link)).status == 200
    offered = await scanner.page.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
    followed = [href for href in offered if href.startswith(f"{service.origin}/")]
    assert len(followed) >= len(["skip to content", "two languages"])
    for href in followed:
        await scanner.page.goto(href)
    await scanner.opens(link)
    form = scanner.page.locator("main form")
    await expect(form).to_have_count(1)
    await form.evaluate("form => form.requestSubmit()")
    async with scanner.page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        await form.evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    assert (await sent.value).status == 422
    await expect(scanner.page.locator("#errors")).to_be_visible()
    await scanner.opens(link)


@pytest.mark.statement("B2", "C8")
@pytest.mark.req("S12", "I3")
async def test_nothing_that_a_scanner_does_uses_the_reset_link_up(service: Service, person: Person) -> None:
    """B2: «links that mail scanners can't burn, and a typed code in the same mail». C8: «GET and HEAD never use the
    link up; only a valid new password does».
    """
    mail = await mail_after_asking(service, person)
    link = reset_link(mail)
    await scanned(service, link, RESET)
    await types_code(person, code_in(mail))
    await person.sees("Cambiar contraseña")
    await compras.nothing_more_is_sent(service, ADDRESS, 1)
    await signs_in(await service.person(), compras.USER, DEMO_PASSWORD)
    await compras.sets_a_password_by(service, link)


@pytest.mark.statement("B2", "B4")
@pytest.mark.req("S12", "I3")
@pytest.mark.long
async def test_nothing_that_a_scanner_does_with_it_was_not_me_reports_anything(
    service: Service, person: Person
) -> None:
    """B2: «links that mail scanners can't burn»; B4: «No fui yo» ends the grant: for a person, not for a scanner."""
    mail = await mail_after_asking(service, person)
    report = report_link(mail.text)
    await scanned(service, report, REPORT)
    await compras.sets_a_password_by(service, reset_link(mail))
    notice = next(one for one in await service.mails(ADDRESS, 2) if one.message_id != mail.message_id)
    await scanned(service, report_link(notice.text), REPORT)
    await signs_in(person, compras.USER, NEW_PASSWORD)
    await person.sees("Mi cuenta")
    owner = await service.person()
    await owner.opens(report_link(notice.text))
    await owner.reports("Yo no hice este cambio.")
    await owner.sees("Gracias por avisarnos")


async def scanned(service: Service, link: str, form: str) -> None:
    """Everything at once that mail security products do, each of them."""
    attacks: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: from_another_network(service, link, form),
        lambda: in_a_browser(service, link, DESKTOP),
        lambda: in_a_browser(service, link, PLAIN_DESKTOP),
    )
    for attack in attacks:
        await attack()
