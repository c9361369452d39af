"""`reclave demo`: the portals, a real mail server and a mailbox, all on this machine and in one folder."""

import asyncio
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from starlette.routing import BaseRoute

from reclave.bootstrap import NotReady, check_portals, new_keyring, upgrade_database, wired
from reclave.demo.mailbox import mailbox_app
from reclave.demo.maildrop import Maildrop
from reclave.demo.seeds import Seeded, seed
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.demo.start_page import PATH, Place, with_start_page
from reclave.demo.styleguide import styleguide_routes
from reclave.pages.urls import page_path, portal_origin
from reclave.settings import Settings, read_settings
from reclave.supervisor import own_command
from reclave.web.server import AddressInUse, ServerLimits, listen, serve_http

_SETTINGS = "reclave.toml"
_STOP_SECONDS = 15.0
_HOST = "127.0.0.1"


async def run_demo(state: Path, *, port: int, mailbox_port: int, fresh: bool, database: str = "") -> None:
    """Run until Ctrl-C. Raises `NotReady` for a taken port or a folder that is not the demo's."""
    console = Console()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    _check_ports(port, mailbox_port)
    _prepare_folder(state, fresh=fresh)
    maildrop = Maildrop(state / "mail")
    smtp = LoopbackSmtpServer(maildrop)
    await smtp.start()
    try:
        settings = _write_settings(state, port, smtp.port, database)
        upgrade_database(settings)
        seeded = await _seed(settings)
        async with wired(settings) as parts:
            guide = styleguide_routes(parts)
            await _run(console, state, settings, maildrop, mailbox_port, seeded, guide, asked_to_stop)
    finally:
        await smtp.stop()


async def _run(
    console: Console,
    state: Path,
    settings: Settings,
    maildrop: Maildrop,
    mailbox_port: int,
    seeded: Sequence[Seeded],
    guide: Sequence[BaseRoute],
    asked_to_stop: asyncio.Event,
) -> None:
    stop = asyncio.Event()
    mailbox_listener = listen(_HOST, mailbox_port)
    served = await asyncio.create_subprocess_exec(*own_command("serve", "--settings", str(state / _SETTINGS)))
    places = _places(settings)
    mailbox = mailbox_app(maildrop, portal_links=[(place.name, place.address) for place in places])
    ended = asyncio.create_task(_stop_when_ended(served, stop))
    asking = asyncio.create_task(_stop_when_asked(asked_to_stop, stop))
    try:
        await serve_http(
            with_start_page(mailbox, places, seeded, guide),
            [mailbox_listener],
            limits=ServerLimits(),
            stop=stop,
            ready=lambda: _say(console, settings, mailbox_port, state, seeded),
        )
    finally:
        asking.cancel()
        if served.returncode is None:
            served.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(ended), _STOP_SECONDS)
        except TimeoutError:
            served.kill()
            await ended
    if not asked_to_stop.is_set() and served.returncode not in {0, -signal.SIGTERM, -signal.SIGINT}:
        raise NotReady(f"the service ended by itself (code {served.returncode}); its log is above")
    console.print("The demo has stopped. Start it again and everything is as you left it; --fresh starts anew.")


async def _stop_when_ended(process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    await process.wait()
    stop.set()


async def _stop_when_asked(asked: asyncio.Event, stop: asyncio.Event) -> None:
    await asked.wait()
    stop.set()


def _check_ports(port: int, mailbox_port: int) -> None:
    for option, number in (("--port", port), ("--mailbox-port", mailbox_port)):
        try:
            listen(_HOST, number).close()
        except AddressInUse as error:
            raise NotReady(
                f"port {number} is taken by another program: end it, or choose another with "
                f'{option} N (make demo ARGS="{option} N")'
            ) from error


def _prepare_folder(state: Path, *, fresh: bool) -> None:
    if fresh and state.exists():
        if any(state.iterdir()) and not (state / _SETTINGS).exists():
            raise NotReady(f"{state} is not a folder of the demo: nothing was deleted")
        shutil.rmtree(state)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (state / "keyring").exists():
        new_keyring(state / "keyring")


def _write_settings(state: Path, port: int, smtp_port: int, database: str) -> Settings:
    written = {
        "base_url": f"http://localhost:{port}",
        "database": database or f"sqlite+aiosqlite:///{(state / 'reclave.sqlite').resolve()}",
        "keyring": "keyring",
        "portals": str(demo_portals()),
        "host": _HOST,
        "smtp_host": _HOST,
        "smtp_security": "none",
        "log_level": "warning",
    }
    lines = [f"{name} = {_quoted(value)}" for name, value in written.items()]
    lines += [f"port = {port}", f"smtp_port = {smtp_port}"]
    (state / _SETTINGS).write_text("\n".join(lines) + "\n", "utf-8")
    return read_settings(state / _SETTINGS)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def demo_portals() -> Path:
    """The demo's portal files: in the installed package, or beside the sources."""
    packaged = Path(__file__).with_name("portals")
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "portals"


async def _seed(settings: Settings) -> list[Seeded]:
    seeded: list[Seeded] = []
    async with wired(settings) as parts:
        for portal in parts.services.portals.values():
            seeded += await seed(parts.services, portal)
    return seeded


def _places(settings: Settings) -> list[Place]:
    places = []
    for portal in check_portals(settings.portals).portals.values():
        about = portal.file.portal
        path = page_path(portal, "front" if about.front_page else "sign_in")
        places.append(Place(portal.id, about.name, about.motto, portal_origin(portal, settings.base_url) + path))
    return places


def _say(console: Console, settings: Settings, mailbox_port: int, state: Path, seeded: Sequence[Seeded]) -> None:
    places = Table(title="Addresses to open", title_justify="left")
    places.add_column("What")
    places.add_column("Where", overflow="fold")
    places.add_row("Start here: what to try, portal by portal", f"http://localhost:{mailbox_port}{PATH}")
    for place in _places(settings):
        places.add_row(place.name, place.address)
    places.add_row("Mailbox: every mail that the portals send", f"http://localhost:{mailbox_port}/")
    console.print(places)
    for portal in dict.fromkeys(one.portal for one in seeded):
        accounts = Table(title=f"Accounts to try: {portal}", title_justify="left", show_lines=True)
        for heading in ("User name", "Password", "E-mail and what to try"):
            accounts.add_column(heading, overflow="fold")
        for one in seeded:
            if one.portal == portal:
                told = "\n".join(filter(None, [one.address, one.what_to_try]))
                accounts.add_row(one.identifier, one.password or "—", told)
        console.print(accounts)
    console.print(f"Everything is kept in {state}. Ctrl-C stops the demo.")
