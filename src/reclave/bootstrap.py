"""The only place where adapters are chosen and wired."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.types import ASGIApp

from reclave.adapters.argon2 import Argon2Hasher
from reclave.adapters.bell import BellReader
from reclave.adapters.clock import SystemClock
from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.logs import configure_logs
from reclave.adapters.portal_files import PortalFiles, read_portals
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.adapters.sql.store import open_store
from reclave.domain.errors import PortalRefused, ReclaveError
from reclave.domain.portal import Language
from reclave.domain.portal_toml import toml_key
from reclave.domain.wordlists import common_words
from reclave.journeys.services import Services
from reclave.pages.assets import Assets
from reclave.pages.client import read_networks
from reclave.pages.i18n import translator, unknown_text
from reclave.pages.mail import Post
from reclave.pages.page import Site
from reclave.pages.render import Renderer
from reclave.ports.entropy import Bell
from reclave.ports.mailer import Mailer
from reclave.settings import Settings
from reclave.supervisor import WorkerProcess
from reclave.web.app import TEMPLATES, web_app
from reclave.worker.loop import Worker
from reclave.worker.sender import AT_ONCE, Sender


class NotReady(ReclaveError):
    """The service cannot start; says what is missing and how to mend it."""

    code = "not_ready"


class SilentBell:
    """A bell for a process without a worker of its own: workers find the work by polling."""

    def ring(self) -> None:
        """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Wired:
    """Services with the adapters behind them."""

    settings: Settings
    services: Services
    files: PortalFiles


@asynccontextmanager
async def wired(settings: Settings, bell: Bell | None = None) -> AsyncIterator[Wired]:
    """Open everything that journeys need and close it afterwards.

    Raises `NotReady`, `PortalRefused`, `KeyringRefused`.
    """
    from reclave.adapters.sql.migrate import pending

    entropy = SystemEntropy()
    vault = KeyringVault(settings.keyring, entropy)
    files = check_portals(settings.portals)
    with _said_of_the_database():
        store = await open_store(settings.database, clock_offset=lambda: settings.clock_offset)
    hasher = Argon2Hasher(vault, workers=settings.hashing_threads or os.cpu_count() or 1)
    try:
        with _said_of_the_database():
            out_of_date = await pending(store)
        if out_of_date:
            raise NotReady("the database is not up to date: run `reclave migrate`")
        services = Services(
            store=store,
            directory=BuiltinDirectory(),
            vault=vault,
            hasher=hasher,
            entropy=entropy,
            bell=bell or SilentBell(),
            clock=SystemClock(),
            portals=dict(files.portals),
            special_use_domains=settings.special_use_domains,
        )
        yield Wired(settings, services, files)
    finally:
        await store.close()
        hasher.close()


@contextmanager
def _said_of_the_database() -> Iterator[None]:
    """Put what is wrong with the database's URL or its server into one line, without the URL's password."""
    try:
        yield
    except (SQLAlchemyError, ValueError, FileNotFoundError) as error:
        said, *_ = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()
        raise NotReady(f"database: {said}") from error


def build_site(wired: Wired) -> Site:
    """What the pages share."""
    assets = {
        name: Assets(portal, portal.file.portal.path, wired.files.logos[name])
        for name, portal in wired.files.portals.items()
    }
    assets[""] = Assets(None, "", None)
    return Site(
        services=wired.services,
        base_url=wired.settings.base_url,
        renderer=Renderer([TEMPLATES]),
        assets=assets,
        trusted=read_networks(wired.settings.trusted_proxies),
        security_contact=wired.settings.security_contact,
    )


def warm_up(site: Site) -> None:
    """Load what the first person would else wait for: templates, word lists, the names of times."""
    common_words()
    _warm_up(site.renderer, site.services)


def _warm_up(renderer: Renderer, services: Services) -> None:
    for portal in services.portals.values():
        for language in portal.file.portal.languages:
            renderer.warm(portal, language)


def build_web(wired: Wired) -> ASGIApp:
    """The ASGI application."""
    return web_app(build_site(wired))


def build_mailer(settings: Settings) -> Mailer:
    """The mailer that the settings describe. Raises `NotReady` where they contradict each other."""
    described = SmtpSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=cast(Literal["starttls", "tls", "none"], settings.smtp_security),
        username=settings.smtp_username or None,
        password=settings.smtp_secret or None,
        ca_file=Path(settings.smtp_ca_file) if settings.smtp_ca_file else None,
        connections=AT_ONCE,
        local_hostname=urlsplit(settings.base_url).hostname or "localhost",
    )
    try:
        return SmtpMailer(described)
    except ValueError as error:
        raise NotReady(f"mail: {error}") from error


def build_worker(wired: Wired, mailer: Mailer) -> Worker:
    """A worker over the services and a mailer."""
    return Worker(wired.services, Sender(wired.services, mailer, Post(wired.services, wired.settings.base_url)))


async def run_worker(settings: Settings, bell_fd: int | None) -> None:
    """Work until SIGTERM or SIGINT, or until the process at the other end of the bell is gone.

    A worker with a bell is a child of `serve`: it begins when the bell rings for the first time.
    """
    stop = _stop_on_signals()
    bell = None if bell_fd is None else Doorbell(bell_fd, stop)
    if bell is not None and not await bell.first():
        return
    async with wired(settings) as parts:
        mailer = build_mailer(settings)
        worker = build_worker(parts, mailer)
        # The first mail would else wait for its templates.
        warming = asyncio.create_task(asyncio.to_thread(_warm_up, Renderer(), parts.services))
        listening = [warming] if bell is None else [warming, asyncio.create_task(bell.pass_on(worker))]
        worker.wake()
        await worker.run(stop)
        for task in listening:
            task.cancel()
        await mailer.close()


class Doorbell:
    """A worker's end of the pipe over which `serve` wakes it; at the pipe's end it stops."""

    def __init__(self, fd: int, stop: asyncio.Event) -> None:
        self._rung = asyncio.Event()
        self._stop = stop
        self._reader = BellReader(fd, self._rung)
        self._reader.start()
        self._ending = asyncio.create_task(self._end_with_parent())

    async def first(self) -> bool:
        """Wait for the first ring; False when the worker was told to stop instead."""
        rung, stopped = asyncio.create_task(self._rung.wait()), asyncio.create_task(self._stop.wait())
        await asyncio.wait({rung, stopped}, return_when=asyncio.FIRST_COMPLETED)
        rung.cancel()
        stopped.cancel()
        return not self._reader.ended.is_set() and not self._stop.is_set()

    async def pass_on(self, worker: Worker) -> None:
        """Wake the worker whenever the bell rings."""
        while not self._stop.is_set():
            await self._rung.wait()
            self._rung.clear()
            worker.wake()

    async def _end_with_parent(self) -> None:
        await self._reader.ended.wait()
        self._stop.set()


async def serve(settings: Settings, worker: WorkerProcess, ready: Callable[[str], None]) -> None:
    """Serve pages here and have the worker work, until SIGTERM or SIGINT.

    `ready` is told the address once pages are answered. Raises `NotReady` and what `wired` raises.
    """
    from reclave.web.server import AddressInUse, ServerLimits, listen, serve_http

    stop = _stop_on_signals()
    build_mailer(settings)  # the worker's to use; a mistake stops the start here, instead of every worker there
    try:
        listener = listen(settings.host, settings.port)
    except AddressInUse as error:
        raise NotReady(f"{error.strerror}: end it, or set another `port`") from error
    async with wired(settings, worker.bell) as parts, asyncio.TaskGroup() as group:
        group.create_task(worker.supervise(stop))
        port = listener.getsockname()[1]
        site = build_site(parts)
        group.create_task(asyncio.to_thread(warm_up, site))
        await serve_http(
            web_app(site),
            [listener],
            limits=ServerLimits(),
            stop=stop,
            ready=lambda: ready(f"http://{settings.host}:{port}"),
        )
        stop.set()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def configure_logging(settings: Settings) -> None:
    """Redacted JSON logs on standard error."""
    configure_logs(settings.log_level)


def upgrade_database(settings: Settings) -> None:
    """Bring the database up to date; Alembic is imported only here. Raises `NotReady`."""
    from reclave.adapters.sql.migrate import upgrade

    with _said_of_the_database():
        upgrade(settings.database)


def new_keyring(path: Path) -> None:
    """Create a keyring file. Raises `KeyringRefused`, FileExistsError."""
    create_keyring(path, SystemEntropy(), SystemClock().now())


def check_portals(folder: Path) -> PortalFiles:
    """Read a folder of portal files. Raises `PortalRefused`, also for a text that stands for none of ours."""
    files = read_portals(folder)
    for portal in files.portals.values():
        for language, texts in portal.file.texts.items():
            _check_texts(files.sources[portal.id], language, texts)
    return files


def _check_texts(source: str, language: Language, texts: Mapping[str, str]) -> None:
    """Raise `PortalRefused` for a text that no page or mail says, or for a wording that would not render."""
    for text, own in texts.items():
        path = f"texts.{language}.{toml_key(text)}"
        unknown = unknown_text([text])
        if unknown is not None:
            hint = f"; did you mean {unknown[1]!r}?" if unknown[1] else ""
            raise PortalRefused(source, path, f"no page or mail says this{hint}")
        if not own.strip():
            raise PortalRefused(source, path, "an empty text: write one, or leave the line out")
        try:
            translator(language, {text: own})
        except ValueError as error:
            raise PortalRefused(source, path, str(error)) from error
