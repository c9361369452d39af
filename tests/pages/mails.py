"""Mails as they arrive, composed without a database: one with chosen values, or every mail of the demo's portals."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

from reclave.adapters.argon2 import Argon2Hasher
from reclave.adapters.clock import SystemClock
from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.memory import MemoryStore
from reclave.bootstrap import SilentBell
from reclave.demo.stored_message import StoredMessage
from reclave.domain.grants import Grant, Purpose
from reclave.domain.outbox import Message, Template
from reclave.domain.portal import Portal
from reclave.domain.portal_reader import read_portal
from reclave.domain.secrets import Presentation
from reclave.domain.time import HOUR, SECOND, Instant
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.pages.mail import Listed, Post
from tests.world import PORTALS

ANA = "Ana.Torres@empresa.example"
NIT = "9001000011"
OTHER_NIT = "9003000034"
_USER_NAMES = ("maria.fernanda.lopez", "comercial.andina")
REFERENCE = "7GQ4-W2KD"
PLACE = "Chrome · Android"
LANGUAGES = ("es", "en", "pt")
ON_THE_WEB = "https://acceso.ejemplo.example"
"""Where an installation's pages stand in earnest."""

ASKED: Instant = int(datetime(2026, 11, 23, 2, 30, tzinfo=UTC).timestamp()) * SECOND
EXPIRES = ASKED + HOUR
"""Still the evening of the 22nd in Bogotá."""

LETTER = Letter(
    to=ANA,
    canonical=ANA.lower(),
    account="account-1",
    at=ASKED,
    place=PLACE,
    new_address="f•••@a•••.example",
    effective_at=EXPIRES,
    waiting=bytes(16),
)
LEAN = Letter(to=ANA, canonical=ANA.lower(), account="account-1", at=ASKED, effective_at=EXPIRES, without_code=True)
"""Nothing is known of the browser, and nobody waits for a code."""


@contextmanager
def services_of(folder: Path, portals: Sequence[str]) -> Iterator[Services]:
    """What composing mail needs, for the portals of these files; the keyring is made in `folder`."""
    keyring = folder / "keyring"
    create_keyring(keyring, SystemEntropy(), ASKED)
    vault = KeyringVault(keyring, SystemEntropy())
    hasher = Argon2Hasher(vault, workers=1, memory_kib=64, passes=1)
    yield Services(
        store=MemoryStore(),
        directory=BuiltinDirectory(),
        vault=vault,
        hasher=hasher,
        entropy=SystemEntropy(),
        bell=SilentBell(),
        clock=SystemClock(),
        portals={portal.id: portal for portal in map(read_portal, portals)},
    )
    hasher.close()


def a_grant(number: int, purpose: Purpose = Purpose.SET_PASSWORD, portal: str = "pagos") -> Grant:
    """A live grant of an account of its own."""
    return Grant(
        portal=portal,
        id=bytes([number]) * 16,
        account=f"account-{number}",
        purpose=purpose,
        presentation=Presentation.TEMPORARY_PASSWORD,
        credential_version=1,
        key_id="k1",
        issued_at=ASKED,
        expires_at=EXPIRES,
        requested_at=ASKED,
    )


def written(
    post: Post,
    template: Template,
    language: str,
    *,
    portal: str = "pagos",
    domain: str = "pagos.example",
    letter: Letter = LETTER,
    names: Sequence[str] = (NIT, OTHER_NIT),
    reported: bool = True,
    first: bool = False,
) -> StoredMessage:
    """A mail as it arrives: an account for each of `names` where several can be listed, and a «No fui yo» link.

    `domain` is the Message-ID's; `first`: the last account is new.
    """
    message = Message(
        portal=portal,
        id=b"m" * 16,
        template=template,
        language=language,
        message_id=f"<3f2a9c64d1e84b0f@{domain}>",
        reference=REFERENCE,
        sealed=b"",
        recipient=b"",
        created_at=ASKED,
    )
    last = len(names)
    listed = [Listed(a_grant(n, portal=portal), name, first and n == last) for n, name in enumerate(names, 1)]
    envelope = post.compose(
        message,
        letter,
        listed=listed,
        report=a_grant(last + 1, Purpose.REPORT, portal) if reported else None,
        identifier=names[0],
        names=names,
        date=ASKED,
    )
    return StoredMessage("1", ASKED, envelope.sender, (envelope.recipient,), envelope.content)


@dataclass(frozen=True, slots=True)
class OneOfAll:
    """One of all mails, and what it is called in a report."""

    name: str
    portal: Portal
    template: Template
    language: str
    mail: StoredMessage


def every_mail(services: Services, base_url: str = ON_THE_WEB) -> Iterator[OneOfAll]:
    """Every mail of every portal in every language, with all that it can say and with the least.

    They are what `Template` names, so that none is forgotten.
    """
    post = Post(services, base_url)
    for portal in services.portals.values():
        for template in Template:
            if template is Template.RESET_LINK and template not in portal.terms:
                continue  # without the journey nothing says how its link and code are presented
            for language in portal.file.portal.languages:
                yield from _full_and_lean(post, portal, template, language)


def _full_and_lean(post: Post, portal: Portal, template: Template, language: str) -> Iterator[OneOfAll]:
    names = (NIT, OTHER_NIT) if "co.nit" in portal.identifier_field.kinds else _USER_NAMES
    put = partial(written, post, template, language, portal=portal.id, domain=portal.sender_domain)
    called = f"{portal.id} {template} {language}"
    full, lean = put(names=names, first=True), put(names=names[:1], letter=LEAN, reported=False)
    yield OneOfAll(f"{called} full", portal, template, language, full)
    yield OneOfAll(f"{called} lean", portal, template, language, lean)


def demo_portals() -> list[str]:
    """The texts of the demo's portal files."""
    return [path.read_text("utf-8") for path in sorted(PORTALS.glob("*.toml"))]


class Read(HTMLParser):
    """What a person reads in an HTML mail, what a list of mails shows beside the subject, and where its links lead."""

    def __init__(self, mail: StoredMessage) -> None:
        super().__init__()
        self._said = ""
        self.heading = ""
        self.preview = ""
        self.links: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self._inside: list[str] = []
        self.feed(mail.html or "")

    @property
    def words(self) -> list[str]:
        """What is said, word by word."""
        return self._said.split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and where a link leads."""
        self._said += "" if tag in {"a", "b", "span"} else " "
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in {"head", "h1", "a", "div"}:
            self._inside.append(tag)
        if tag == "a":
            self.links.append((dict(attrs)["href"] or "", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Note words, and what a link says."""
        if "head" in self._inside:
            return
        if "div" in self._inside:  # not shown in the mail itself
            self.preview += data
            return
        if "h1" in self._inside:
            self.heading += data
        self._said += data
        if "a" in self._inside:
            href, said = self.links[-1]
            self.links[-1] = (href, said + data)


def text_of(mail: StoredMessage) -> str:
    """The text part."""
    assert mail.text
    return mail.text


def words_of_text(mail: StoredMessage) -> list[str]:
    """The words of the text part: without the rule above its foot, and the dot between the portal's name and motto."""
    brand, _, rest = text_of(mail).partition("\n")
    return [*brand.replace(" · ", " ").split(), *re.sub(r"(?m)^-{8}$", "", rest).split()]
