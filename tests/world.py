"""A whole portal in one process: pages, worker and a real mail server, over any store, with a clock that moves."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from starlette.types import ASGIApp

from reclave.adapters.argon2 import Argon2Hasher
from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.bootstrap import SilentBell, Wired, build_web, build_worker, check_portals
from reclave.demo.maildrop import Maildrop
from reclave.demo.seeds import COMPANIES, DEMO_PASSWORD, Seeded, seed
from reclave.demo.smtp_server import LoopbackSmtpServer, RecipientPolicy
from reclave.demo.stored_message import StoredMessage
from reclave.domain.accounts import Account, AccountIdentifier, Provenance, Status
from reclave.domain.addresses import parse_address
from reclave.domain.passwords import normalise
from reclave.domain.portal import Portal
from reclave.domain.time import Instant, Span
from reclave.journeys.services import Services
from reclave.ports.entropy import Entropy
from reclave.ports.meter import Meter, NoMeter
from reclave.ports.store import Store
from reclave.settings import Settings
from reclave.worker.loop import Worker
from tests.stores import Clock

PORTALS = Path(__file__).parents[1] / "portals"
ORIGIN = "http://localhost:8000"
NEW_PASSWORD = "montaña verde con nubes"
_TEMPORARY = re.compile(r"\b[a-z0-9]{6}-[a-z0-9]{6}-[a-z0-9]{6}\b")
_CODE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")
_RESET = re.compile(r"https?://\S+/cambiar/\S+")
_LINK = re.compile(r"https?://\S+")
_REPORT = re.compile(r"https?://\S+/no-fui-yo/\S+")


@dataclass(slots=True)
class HostClock:
    """The host's clock, which moves with the store's."""

    clock: Clock

    def now(self) -> Instant:
        """Now, as the test has it."""
        return self.clock.standing()


@dataclass(slots=True)
class World:
    """What a journey test works with."""

    wired: Wired
    worker: Worker
    maildrop: Maildrop
    clock: Clock
    seeded: dict[str, Seeded] = field(default_factory=dict)
    app: ASGIApp | None = None
    """The pages that people see, where a test keeps one for all of them; else each person sees pages made anew."""

    @property
    def services(self) -> Services:
        """The services behind the pages."""
        return self.wired.services

    @property
    def portal(self) -> Portal:
        """The payments portal."""
        return self.services.portals["pagos"]

    async def seed(self, portal: str) -> None:
        """Add the demo accounts of one more portal."""
        for one in await seed(self.services, self.services.portals[portal]):
            self.seeded[one.identifier] = one

    def person(
        self, *, address: str = "203.0.113.7", language: str = "es-CO", host: str = "localhost:8000"
    ) -> "Person":
        """Someone with a browser of their own, at a host."""
        transport = httpx2.ASGITransport(app=self.app or build_web(self.wired), client=(address, 50000))
        client = httpx2.AsyncClient(
            transport=transport,
            base_url=f"https://{host}",
            headers={
                "sec-fetch-site": "same-origin",
                "accept-language": language,
                "user-agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
            },
        )
        return Person(client)

    def wait(self, span: Span) -> None:
        """Let time pass."""
        self.clock.move(span)

    async def work(self) -> int:
        """Let the worker do what is due."""
        return await self.worker.run_until_idle()

    def mails(self, recipient: str) -> list[StoredMessage]:
        """What an address has received, newest first."""
        return self.maildrop.messages(recipient)

    async def add_account(
        self, portal: str, identifier: str, address: str | None, facts: Mapping[str, str] | None = None
    ) -> Account:
        """Add an account: its user name (canonical), address, and what is known of it.

        With an address it is active and has the demo's password; without, it awaits its first sign-in.
        """
        read = parse_address(address) if address else None
        hashed = await self.services.hasher.hash(normalise(DEMO_PASSWORD)) if read else None
        async with self.services.store.transaction() as tx:
            account = Account(
                portal=portal,
                id=self.services.new_id().hex(),
                status=Status.ACTIVE if read else Status.AWAITING_FIRST_SIGN_IN,
                address=read.stored if read else None,
                address_canonical=read.canonical if read else None,
                address_provenance=Provenance.CONFIRMED if read else None,
                password_hash=hashed,
                created_at=tx.now,
                changed_at=tx.now,
            )
            field = self.services.portals[portal].file.sign_in.identifier
            assert await tx.accounts.add(account, [AccountIdentifier(field, identifier)], facts)
        return account

    async def account(self, nit: str) -> Account:
        """The account of a NIT, as the directory has it."""
        return await self.holder("pagos", re.sub(r"\D", "", nit))

    async def holder(self, portal: str, identifier: str) -> Account:
        """The account of a user name (canonical) of any portal."""
        field = self.services.portals[portal].file.sign_in.identifier
        async with self.services.store.reading() as tx:
            found = await self.services.directory.by_identifier(tx, portal, field, identifier)
        assert found is not None
        return found


@dataclass(slots=True)
class Person:
    """A browser without JavaScript: follows no redirect by itself, keeps its cookies."""

    client: httpx2.AsyncClient
    portal: str = "pagos"

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Open a page."""
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, fields: dict[str, str]) -> httpx2.Response:
        """Send a form."""
        return await self.client.post(path, data=fields)

    async def ask(self, address: str) -> httpx2.Response:
        """Ask for a temporary password."""
        return await self.post("/pagos/recuperar", {"email": address})

    async def sign_in(self, identifier: str, password: str) -> httpx2.Response:
        """Sign in."""
        return await self.post(f"/{self.portal}/", {"identifier": identifier, "password": password})

    async def register(self, address: str, password: str = NEW_PASSWORD, confirm: str | None = None) -> httpx2.Response:
        """Send «Registro de datos de ingreso»."""
        fields = {"email": address, "password": password, "confirm": password if confirm is None else confirm}
        return await self.post("/pagos/registro", fields)


def said(mail: StoredMessage) -> str:
    """The text of a mail."""
    assert mail.text
    return mail.text


def temporary_passwords(mail: StoredMessage) -> list[str]:
    """The temporary passwords in a mail, in order."""
    return _TEMPORARY.findall(said(mail))


def code_in(mail: StoredMessage) -> str:
    """The typed code in a mail; its reference looks alike and stands elsewhere."""
    found = _CODE.search(said(mail))
    assert found
    return found.group()


def reset_link(mail: StoredMessage) -> str:
    """The path of the first link to «Cambiar contraseña» in a mail."""
    found = _RESET.search(said(mail))
    assert found
    return found.group().removeprefix(ORIGIN)


def links_in(mail: StoredMessage) -> list[str]:
    """Every address on the web in the text of a mail."""
    return _LINK.findall(said(mail))


def report_link(mail: StoredMessage) -> str:
    """The path of the «No fui yo» link in a mail."""
    found = _REPORT.search(said(mail))
    assert found
    return found.group().removeprefix(ORIGIN)


def opened_page(response: httpx2.Response) -> str | None:
    """Where a response sends the person; None when it does not."""
    location: str | None = response.headers.get("location")
    return location


def nit(index: int) -> str:
    """The canonical NIT of a demo company."""
    return COMPANIES[index].nit


@asynccontextmanager
async def open_world(
    store: Store,
    folder: Path,
    clock: Clock,
    *,
    policy: RecipientPolicy | None = None,
    portals: Path = PORTALS,
    entropy: Entropy | None = None,
    meter: Meter | None = None,
) -> AsyncIterator[World]:
    """A world over a store; its mail server is real and on loopback. The payments portal's accounts are there."""
    entropy = entropy or SystemEntropy()
    keyring = folder / "keyring"
    if not keyring.exists():
        create_keyring(keyring, entropy, clock.standing())
    vault = KeyringVault(keyring, entropy)
    hasher = Argon2Hasher(vault, workers=1, memory_kib=64, passes=1)
    files = check_portals(portals)
    services = Services(
        store=store,
        directory=BuiltinDirectory(),
        vault=vault,
        hasher=hasher,
        entropy=entropy,
        bell=SilentBell(),
        clock=HostClock(clock),
        portals=dict(files.portals),
        meter=meter or NoMeter(),
    )
    settings = Settings(base_url=ORIGIN, database="", keyring=keyring, portals=portals)
    wired = Wired(settings, services, files)
    maildrop = Maildrop(folder / "mail")
    server = LoopbackSmtpServer(maildrop, policy=policy)
    await server.start()
    mailer = SmtpMailer(SmtpSettings(host="127.0.0.1", port=server.port, security="none"))
    world = World(wired, build_worker(wired, mailer), maildrop, clock)
    try:
        if "pagos" in services.portals:
            await world.seed("pagos")
        yield world
    finally:
        await mailer.close()
        await server.stop()
        hasher.close()


__all__ = ["COMPANIES", "DEMO_PASSWORD"]
