"""What a walk through the gallery is made of: a visitor who names pages and fields, never words."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from reclave.demo.stored_message import StoredMessage
from reclave.domain.portal import Portal
from reclave.domain.time import Span
from reclave.pages.urls import page_path
from tests.browser.person import report_path
from tests.gallery.stage import Stage

LANGUAGES = {"es": "es-CO", "en": "en-GB", "pt": "pt-BR"}
"""What a browser asks for, by the language that it then gets."""

KNOWN_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
UNKNOWN_BROWSER = "Lynx/3"
Press = tuple[str, str]
"""A button by its name and value."""
NEXT: Press = ("", "")
"""The button that a form names first."""


class State(NamedTuple):
    """One page in one state: its name in the gallery and the status that it is answered with."""

    name: str
    status: int = 200
    everywhere: bool = False
    """Whether every portal has it, in its own colours and words."""


def everywhere(name: str, status: int = 200) -> State:
    """A state that every portal has."""
    return State(name, status, everywhere=True)


Walk = AsyncIterator[State]
"""Yields each state while it is shown."""


class Visitor(Protocol):
    """Someone who opens paths and sends forms: in a browser, or with nothing but HTTP."""

    status: int
    """That of the page in sight."""
    address: str
    """Where they come from on the network."""
    language: str

    @property
    def path(self) -> str:
        """Where the page in sight is, with its query."""

    @property
    def scripts(self) -> bool:
        """Whether scripts run."""

    async def opens(self, path: str) -> None:
        """Go to a path."""

    async def sends(self, action: str, press: Press, fields: dict[str, str]) -> None:
        """Fill in the form that goes to a path, unchecked by the browser, and press one of its buttons."""

    async def asks(self, action: str, press: Press, fields: dict[str, str]) -> None:
        """The same where a question follows: in a dialog, or on a page where no script runs."""

    async def types(self, control: str, value: str) -> None:
        """Choose or type without sending; nothing where no browser is."""

    async def posts(self, path: str, body: str, kind: str = "", *, elsewhere: bool = False) -> None:
        """Send a form that no page of ours has; from another site if `elsewhere`."""

    async def shows(self, html: bytes, status: int) -> None:
        """Look at a page that stands alone."""

    def unscripted(self) -> AbstractAsyncContextManager[None]:
        """Without the pages' own script."""

    async def another(self) -> "Visitor":
        """The same person at another browser, which nobody knows by name."""

    async def waits(self, span: Span) -> None:
        """Let time pass for the page's script, not for the portal."""


@dataclass(slots=True)
class Scene:
    """A visitor at one portal."""

    stage: Stage
    visitor: Visitor
    portal: Portal

    def page(self, name: str, **query: str) -> str:
        """The path of a page."""
        return page_path(self.portal, name, **query)

    async def opens(self, name: str, **query: str) -> None:
        """Go to a page by its name."""
        await self.visitor.opens(self.page(name, **query))

    async def sends(self, name: str, press: Press = NEXT, /, **fields: str) -> None:
        """Send the form that a page's name takes."""
        await self.visitor.sends(self.page(name), press, fields)

    async def signs_in(self, identifier: str, password: str) -> None:
        """Open the sign-in page and fill it in."""
        await self.opens("sign_in")
        await self.sends("sign_in", identifier=identifier, password=password)

    async def mail(self, recipient: str) -> StoredMessage:
        """The newest mail of an address."""
        return await self.stage.mail(recipient)

    async def follows_report(self, recipient: str) -> None:
        """Open «No fui yo» of an address's newest mail."""
        await self.visitor.opens(report_path(await self.mail(recipient)))

    async def another(self) -> "Scene":
        """The same person at another browser."""
        return Scene(self.stage, await self.visitor.another(), self.portal)

    def at(self, portal: str) -> "Scene":
        """The same visitor at another portal."""
        return Scene(self.stage, self.visitor, self.stage.world.services.portals[portal])

    def wait(self, span: Span) -> None:
        """Let time pass for the portal."""
        self.stage.world.wait(span)


def wrong(code: str) -> str:
    """A code of the right form that is another one."""
    return ("7" if code[0] != "7" else "9") + code[1:]
