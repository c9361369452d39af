"""A visitor with nothing but HTTP and an HTML parser: walks the whole gallery in seconds, without a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2

from reclave.domain.time import Span
from tests.gallery.scene import KNOWN_BROWSER, LANGUAGES, UNKNOWN_BROWSER, Press
from tests.gallery.stage import Stage

_ADDRESS = "203.0.113.7"
_FORM = "application/x-www-form-urlencoded"
_UNSENT = {"button", "submit", "reset"}


@dataclass(slots=True)
class Form:
    """A form as a page has it: where it goes, what it sends unless something else is typed, its buttons in order."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[Press] = field(default_factory=list)


class Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._list = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append(Form(given.get("action") or ""))
        elif self.found:
            self._control(self.found[-1], tag, given)

    def _control(self, form: Form, tag: str, given: dict[str, str | None]) -> None:
        name, value, kind = given.get("name") or "", given.get("value") or "", given.get("type")
        if tag == "select":
            self._list = name
        elif tag == "option" and "selected" in given:
            form.values[self._list] = value
        elif tag == "button" and kind not in {"button", "reset"}:
            form.buttons.append((name, value))
        elif tag == "input" and name and kind not in _UNSENT and not _left_out(given):
            form.values[name] = value


def _left_out(given: dict[str, str | None]) -> bool:
    return "disabled" in given or (given.get("type") == "checkbox" and "checked" not in given)


@dataclass(slots=True)
class PlainVisitor:
    """Follows redirects and keeps cookies, as a browser does; runs no script."""

    stage: Stage
    language: str
    client: httpx2.AsyncClient
    status: int = 0
    html: str = ""
    path: str = ""
    scripts: bool = False
    address: str = _ADDRESS

    @classmethod
    def at(cls, stage: Stage, language: str) -> "PlainVisitor":
        """Someone with a browser of their own."""
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=stage, client=(_ADDRESS, 50000), raise_app_exceptions=False),
            base_url="https://localhost:8000",
            follow_redirects=True,
            headers={
                "sec-fetch-site": "same-origin",
                "accept-language": LANGUAGES[language],
                "user-agent": KNOWN_BROWSER,
            },
        )
        return cls(stage, language, client)

    async def opens(self, path: str) -> None:
        self._take(await self.client.get(path))

    async def sends(self, action: str, press: Press, fields: dict[str, str]) -> None:
        forms = [form for form in Forms(self.html).found if form.action.partition("?")[0] == action]
        assert forms, f"{self.path} has no form for {action}"
        form = forms[0]
        name, value = press if press[0] else form.buttons[0]
        pressed = {name: value} if name else {}
        self._take(await self.client.post(form.action, data=form.values | fields | pressed))

    async def asks(self, action: str, press: Press, fields: dict[str, str]) -> None:
        await self.sends(action, press, fields)

    async def types(self, control: str, value: str) -> None:
        pass

    async def posts(self, path: str, body: str, kind: str = "", *, elsewhere: bool = False) -> None:
        headers = {"content-type": kind or _FORM} | ({"sec-fetch-site": "cross-site"} if elsewhere else {})
        self._take(await self.client.post(path, content=body.encode(), headers=headers))

    async def shows(self, html: bytes, status: int) -> None:
        self.html, self.status = html.decode(), status

    @asynccontextmanager
    async def unscripted(self) -> AsyncIterator[None]:
        yield

    async def another(self) -> "PlainVisitor":
        other = PlainVisitor.at(self.stage, self.language)
        other.client.headers["user-agent"] = UNKNOWN_BROWSER
        return other

    async def waits(self, span: Span) -> None:
        pass

    def _take(self, answered: httpx2.Response) -> None:
        self.status, self.html = answered.status_code, answered.text
        self.path = answered.url.raw_path.decode()
