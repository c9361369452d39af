"""Adapters chosen by settings, and what is built from them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.types import ASGIApp

from reclave.adapters.argon2 import Argon2Hasher, cheaper_library
from reclave.adapters.bell import Bells
from reclave.adapters.clock import SystemClock
from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.logs import configure_command_logs, configure_logs
from reclave.adapters.portal_files import PortalFiles
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.notify import CHANNEL, NotifyBell
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.bootstrap.portals import check_portals
from reclave.domain.errors import ReclaveError, StoreAway
from reclave.domain.wordlists import common_words
from reclave.journeys.services import Services
from reclave.pages.assets import Assets
from reclave.pages.client import read_networks
from reclave.pages.mail import Post
from reclave.pages.page import Site
from reclave.pages.render import Renderer
from reclave.ports.entropy import Bell
from reclave.ports.mailer import Mailer
from reclave.ports.store import Store
from reclave.settings import Settings
from reclave.web.app import TEMPLATES, web_app
from reclave.worker.loop import Stage, Worker
from reclave.worker.sender import AT_ONCE, Sender

if TYPE_CHECKING:
    from reclave.adapters.sql.migrate import Step

_Made = TypeVar("_Made")


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
async def wired(settings: Settings, bell: Bell | None = None, *, sending: bool = False) -> AsyncIterator[Wired]:
    """Open everything that journeys need and close it afterwards; with `sending`, check the mail settings too.

    Raises `NotReady` with a line for each thing that is wrong, or the one error that there is.
    """
    entropy = SystemEntropy()
    noted = _Noted()
    vault = noted.of(lambda: KeyringVault(settings.keyring, entropy))
    files = noted.of(lambda: check_portals(settings.portals))
    if sending:
        noted.of(lambda: build_mailer(settings))
    store = await _open_store(settings, noted)
    try:
        if noted.problems or vault is None or files is None or store is None:
            raise noted.error()
        hasher = Argon2Hasher(vault, workers=settings.hashing_threads or None, library=cheaper_library())
        notifying = bell_of(store)
        bells = [each for each in (bell, notifying) if each is not None]
        services = Services(
            store=store,
            directory=BuiltinDirectory(),
            vault=vault,
            hasher=hasher,
            entropy=entropy,
            bell=Bells(bells) if bells else SilentBell(),
            clock=SystemClock(),
            portals=dict(files.portals),
            special_use_domains=settings.special_use_domains,
        )
        await services.switchboard.refresh(store)
        try:
            yield Wired(settings, services, files)
        finally:
            hasher.close()
            if notifying is not None:
                await notifying.close()
    finally:
        if store is not None:
            await store.close()


def bell_of(store: SqlStore) -> NotifyBell | None:
    """The bell of a database that can tell other processes."""
    database = postgresql_of(store)
    return None if database is None else NotifyBell(partial(database.notify, CHANNEL))


def postgresql_of(store: Store) -> PostgresqlDatabase | None:
    """The PostgreSQL behind a store, where there is one."""
    database = store.database if isinstance(store, SqlStore) else None
    return database if isinstance(database, PostgresqlDatabase) else None


class _Noted:
    """Problems, noted one after the other, so that an operator mends them in one go."""

    def __init__(self) -> None:
        self.problems: list[ReclaveError] = []

    def of(self, make: Callable[[], _Made]) -> _Made | None:
        try:
            return make()
        except ReclaveError as problem:
            self.problems.append(problem)
            return None

    def error(self) -> ReclaveError:
        """The one problem itself, or all of them, a line each."""
        if len(self.problems) == 1:
            return self.problems[0]
        return NotReady("\n".join(str(problem) for problem in self.problems))


async def _open_store(settings: Settings, noted: _Noted) -> SqlStore | None:
    from reclave.adapters.sql.migrate import missing, pending

    store, problem = None, ""
    try:
        with _said_of_the_database():
            if missing(settings.database):
                problem = "there is no database yet: run `reclave migrate`"
            else:
                store = await open_store(settings.database, clock_offset=lambda: settings.clock_offset)
                if await pending(store):
                    problem = "the database is not up to date: run `reclave migrate`"
    except NotReady as unreachable:
        problem = str(unreachable)
    if problem:
        noted.problems.append(NotReady(problem))
    return store


@contextmanager
def _said_of_the_database() -> Iterator[None]:
    """Put what is wrong with the database's URL or its server into one line, without the URL's password."""
    try:
        yield
    except (SQLAlchemyError, StoreAway, ValueError, FileNotFoundError) as error:
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


def warm_mails(services: Services) -> None:
    """Load what the first mail would else wait for."""
    _warm_up(Renderer(), services)


def _warm_up(renderer: Renderer, services: Services) -> None:
    for portal in services.portals.values():
        for language in portal.file.portal.languages:
            renderer.warm(portal, language)


def build_web(wired: Wired) -> ASGIApp:
    """The ASGI application."""
    return web_app(build_site(wired))


def build_mailer(settings: Settings, connections: int = AT_ONCE) -> Mailer:
    """The mailer that the settings describe. Raises `NotReady` where they contradict each other."""
    described = SmtpSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=cast(Literal["starttls", "tls", "none"], settings.smtp_security),
        username=settings.smtp_username or None,
        password=settings.smtp_secret or None,
        ca_file=Path(settings.smtp_ca_file) if settings.smtp_ca_file else None,
        connections=connections,
        local_hostname=urlsplit(settings.base_url).hostname or "localhost",
    )
    try:
        return SmtpMailer(described)
    except ValueError as error:
        raise NotReady(f"mail: {error}") from error


def build_worker(wired: Wired, mailer: Mailer, only: Stage | None = None, *, at_once: int = AT_ONCE) -> Worker:
    """A worker over the services and a mailer, which sends so many messages `at_once`.

    It works `only` in one stage, where it is one of several.
    """
    sender = Sender(wired.services, mailer, Post(wired.services, wired.settings.base_url), at_once=at_once)
    return Worker(wired.services, sender, only)


def configure_logging(settings: Settings) -> None:
    """Redacted JSON logs on standard error."""
    configure_logs(settings.log_level)


def configure_command_logging() -> None:
    """A command's redacted warnings and errors on standard error."""
    configure_command_logs()


def upgrade_database(settings: Settings) -> None:
    """Bring the database up to date; Alembic is imported only here. Raises `NotReady`."""
    from reclave.adapters.sql.migrate import upgrade

    with _said_of_the_database():
        upgrade(settings.database_direct or settings.database)


def pending_migrations(settings: Settings) -> "list[Step]":
    """What `upgrade_database` would do, first to last. Raises `NotReady`."""
    from reclave.adapters.sql.migrate import plan

    with _said_of_the_database():
        return plan(settings.database_direct or settings.database)


def new_keyring(path: Path) -> None:
    """Create a keyring file. Raises `KeyringRefused`, FileExistsError."""
    create_keyring(path, SystemEntropy(), SystemClock().now())
