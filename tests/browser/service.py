"""`reclave serve` with a worker of its own, loaded once and forked (`loaded`); a real mail server, demo companies."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext

from reclave.bootstrap import new_keyring, wired
from reclave.demo.maildrop import Maildrop
from reclave.demo.seeds import COMPANIES, Seeded, seed
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.demo.stored_message import StoredMessage
from reclave.settings import Settings
from tests.browser.loaded import command
from tests.browser.person import PHONE, Equipment, Person
from tests.servers import ROOT

GUIDE = "https://www.pagos.example/instructivo-de-uso.pdf"
RECOVERY_GUIDE = "https://www.pagos.example/instructivo-para-recuperar-la-contrasena.pdf"
MAIL_SECONDS = 20.0
_HOST = "127.0.0.1"
_ATTEMPTS = 5
_START_SECONDS = 60.0
_READY = "listening on "


class NotStarted(Exception):
    """The service ended before it listened; carries its log."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What services are copied from: a keyring, the portal files, and the demo's companies in a database.

    `seeded` are the companies as a person types them, in the order of `COMPANIES`.
    """

    folder: Path
    database: Path
    seeded: tuple[Seeded, ...]


@dataclass(slots=True)
class Service:
    """A running service, its mailbox, and the people who use it."""

    origin: str
    maildrop: Maildrop
    seeded: tuple[Seeded, ...]
    browser: Browser
    process: asyncio.subprocess.Process
    log: list[str]
    contexts: list[BrowserContext] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def person(self, equipment: Equipment = PHONE) -> Person:
        """Someone with a browser of their own: no cookies, nothing stored."""
        context = await self.browser.new_context(**equipment.context_options())
        self.contexts.append(context)
        context.on("request", lambda request: self.requested.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda said: self._listen(said.type, said.text))
        return Person(await context.new_page(), self.origin, equipment)

    def _listen(self, kind: str, text: str) -> None:
        # A page that answers 410 or 422 is announced as a resource that failed to load; that is no fault.
        if kind == "error" and not text.startswith("Failed to load resource: the server responded"):
            self.complaints.append(text)

    def strangers(self) -> list[str]:
        """What the browsers asked of anybody but this service."""
        return [url for url in self.requested if not url.startswith(f"{self.origin}/")]

    def errors(self) -> list[str]:
        """The lines of the service's log that tell of an error."""
        return [line for line in self.log if _level(line) in {"error", "critical"}]

    async def mails(self, recipient: str, count: int = 1) -> list[StoredMessage]:
        """Wait until an address has received `count` mails in all; they come newest first."""
        return await self.maildrop.wait_for(recipient, count=count, timeout=MAIL_SECONDS)

    async def mail(self, recipient: str, count: int = 1) -> StoredMessage:
        """The `count`-th mail to an address, waited for."""
        return (await self.mails(recipient, count))[-count]

    def company(self, index: int) -> Seeded:
        """A demo company, as a person types its NIT and password; 1 has never signed in."""
        return self.seeded[index]


def write_portals(source: Path, folder: Path) -> None:
    """Copy the demo's portal files, with the two guides that the payments portal then offers for download."""
    shutil.copytree(source, folder)
    path = folder / "pagos.toml"
    lines = [
        line for line in path.read_text("utf-8").splitlines() if not line.startswith(("guide ", "recovery_guide "))
    ]
    place = lines.index("[help]") + 1
    lines[place:place] = [f'guide = "{GUIDE}"', f'recovery_guide = "{RECOVERY_GUIDE}"']
    path.write_text("\n".join(lines) + "\n", "utf-8")


async def draw_blueprint(folder: Path, migrated: Path) -> Blueprint:
    """Seed a copy of a migrated SQLite file; the copies of a blueprint share its keyring, so that secrets hold."""
    write_portals(ROOT / "portals", folder / "portals")
    new_keyring(folder / "keyring")
    database = folder / "seeded.sqlite"
    shutil.copyfile(migrated, database)
    seeded = await sow(folder, f"sqlite+aiosqlite:///{database}")
    return Blueprint(folder, database, seeded)


async def sow(folder: Path, database: str) -> tuple[Seeded, ...]:
    """Add the demo's companies to a migrated database, under the keyring in `folder`."""
    settings = Settings(
        base_url="http://localhost", database=database, keyring=folder / "keyring", portals=folder / "portals"
    )
    async with wired(settings) as parts:
        seeded = {name: await seed(parts.services, portal) for name, portal in parts.services.portals.items()}
    assert len(seeded["pagos"]) == len(COMPANIES)
    return tuple(seeded["pagos"])


@asynccontextmanager
async def running(
    browser: Browser, blueprint: Blueprint, folder: Path, *, database: str = "", switched_off: str = "nothing"
) -> AsyncIterator[Service]:
    """A service over a copy of the blueprint, or over a migrated `database`; with one behaviour switched off."""
    seeded = blueprint.seeded
    for path in blueprint.folder.glob("keyring*"):
        shutil.copy2(path, folder / path.name)
    if database:
        seeded = await sow(blueprint.folder, database)
    else:
        path = folder / "reclave.sqlite"
        shutil.copyfile(blueprint.database, path)
        database = f"sqlite+aiosqlite:///{path}"
    maildrop = Maildrop()
    mail_server = LoopbackSmtpServer(maildrop)
    await mail_server.start()
    settings: dict[str, str | int] = {
        "database": database,
        "keyring": str(folder / "keyring"),
        "portals": str(blueprint.folder / "portals"),
        "host": _HOST,
        "smtp_host": _HOST,
        "smtp_port": mail_server.port,
        "smtp_security": "none",
        "log_level": "warning",
    }
    log: list[str] = []
    process, origin, reading = await _start(command(switched_off), settings, folder / "reclave.toml", log)
    service = Service(origin, maildrop, seeded, browser, process, log)
    try:
        yield service
    finally:
        process.terminate()
        for context in service.contexts:
            await context.close()
        await process.wait()
        await reading
        await mail_server.stop()


async def _start(
    program: list[str], settings: Mapping[str, str | int], path: Path, log: list[str]
) -> tuple[asyncio.subprocess.Process, str, asyncio.Task[None]]:
    for attempt in range(_ATTEMPTS):
        port = _free_port()
        origin = f"http://localhost:{port}"
        _write_toml(path, {**settings, "base_url": origin, "port": port})
        process = await asyncio.create_subprocess_exec(
            *(*program, "serve", "--settings", str(path)),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            stderr=asyncio.subprocess.PIPE,
        )
        ready = asyncio.Event()
        reading = asyncio.create_task(_read(process, log, ready))
        async with asyncio.timeout(_START_SECONDS):
            await ready.wait()
        if any(line.startswith(_READY) for line in log):
            return process, origin, reading
        await process.wait()
        # Between our choice of a port and the service's use of it another test may have taken it.
        if attempt == _ATTEMPTS - 1 or not any("in use" in line for line in log):
            break
        log.clear()
    raise NotStarted("\n".join(log))


def _write_toml(path: Path, values: Mapping[str, str | int]) -> None:
    # What JSON writes, TOML reads.
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()), "utf-8")


async def _read(process: asyncio.subprocess.Process, log: list[str], ready: asyncio.Event) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        log.append(line.decode("utf-8", "replace").rstrip())
        if log[-1].startswith(_READY):
            ready.set()
    ready.set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _level(line: str) -> str:
    try:
        said: Any = json.loads(line)
    except ValueError:
        return ""
    return str(said.get("level", "")) if isinstance(said, dict) else ""
