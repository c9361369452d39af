"""`docs/tutorial.md`, run as it is written: its commands in one shell, and what it asks of a browser by one."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers import ROOT
from tests.test_serve import HOST, free_ports

TUTORIAL = ROOT / "docs" / "tutorial.md"
NEW_PASSWORD = "montaña verde con nubes"
SECONDS = 60.0
_PIECE = re.compile(r"```sh\n(.*?)```|(<!-- here the test .*? -->)", re.DOTALL)

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def script() -> str:
    """The tutorial's commands, stopping at each place where the test has something to do."""
    lines = ["set -e"]
    for commands, pause in _PIECE.findall(TUTORIAL.read_text("utf-8")):
        lines.append(commands if not pause else "echo '@@ here'; read -r _")
    whole = "\n".join(lines)
    for installing in ("make install\n", ". .venv/bin/activate\n"):
        assert installing in whole  # `make test` did it
        whole = whole.replace(installing, "")
    return whole


@asynccontextmanager
async def following(
    folder: Path, port: int, smtp_port: int, mailbox_port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A shell that follows the tutorial, on ports of this test's own."""
    text = script().replace("2525", str(smtp_port)).replace("8025", str(mailbox_port))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RECLAVE_PORT": str(port),
        "RECLAVE_BASE_URL": f"http://localhost:{port}",
        "COLUMNS": "200",
    }
    pipe = asyncio.subprocess.PIPE
    speaking: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", text), cwd=folder, env=environment, start_new_session=True, **speaking
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
            await process.wait()


def browser(port: int) -> httpx2.AsyncClient:
    """A person's browser: on localhost it keeps and sends secure cookies without TLS."""

    async def keep(response: httpx2.Response) -> None:
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            client.cookies.set(name, value, domain="localhost.local")

    client = httpx2.AsyncClient(
        base_url=f"http://localhost:{port}",
        headers={"sec-fetch-site": "same-origin"},
        event_hooks={"response": [keep]},
    )
    return client


async def until(process: asyncio.subprocess.Process, mark: str) -> str:
    """What the shell has said up to a line with this mark, or to its end."""
    assert process.stdout is not None
    said = []
    async with asyncio.timeout(SECONDS):
        while line := (await process.stdout.readline()).decode():
            said.append(line)
            if mark in line:
                return "".join(said)
    assert not mark, "".join(said)
    return "".join(said)


async def go_on(process: asyncio.subprocess.Process) -> None:
    """Let the shell do the next commands."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()


async def test_the_tutorial_leads_to_a_portal_and_a_person_who_got_back_in(tmp_path: Path) -> None:
    port, mailbox_port = free_ports()
    smtp_port, _ = free_ports()
    async with (
        following(tmp_path, port, smtp_port, mailbox_port) as shell,
        browser(port) as person,
        httpx2.AsyncClient(base_url=f"http://{HOST}:{mailbox_port}") as mailbox,
    ):
        set_up = await until(shell, "@@ here")
        assert "there is something to mend" in set_up
        assert "2" in set_up
        assert (tmp_path / "letters.csv").stat().st_mode & 0o777 == 0o600
        page = await first_page(person)
        assert "Taller de Ejemplo" in page
        await go_on(shell)
        await until(shell, "@@ here")
        await got_back_in(person, mailbox)
        await go_on(shell)
        behind = await until(shell, "@@ here")
        assert "password_changed" in behind
        await coloured(person, "#7a3b00")
        await go_on(shell)
        await until(shell, "")
        assert await shell.wait() == 0


async def first_page(person: httpx2.AsyncClient) -> str:
    """The sign-in page, as soon as there is one."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                return (await person.get("/")).text
            except httpx2.ConnectError:
                await asyncio.sleep(0.1)


async def coloured(person: httpx2.AsyncClient, colour: str) -> None:
    """Wait until the pages have a colour."""
    async with asyncio.timeout(SECONDS):
        while colour not in await first_page(person):  # noqa: ASYNC110 - the pages tell nobody that they changed
            await asyncio.sleep(0.05)


async def got_back_in(person: httpx2.AsyncClient, mailbox: httpx2.AsyncClient) -> None:
    """Ask for a mail, follow its link, choose a password, sign in."""
    asked = await person.post("/recuperar", data={"user_name": "carla.mora"})
    assert asked.status_code == 303
    link = await link_in_mailbox(mailbox)
    opened = await person.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, "/cambiar")
    changed = await person.post("/cambiar", data={"password": NEW_PASSWORD, "confirm": NEW_PASSWORD})
    assert changed.status_code == 303
    signed_in = await person.post("/", data={"identifier": "carla.mora", "password": NEW_PASSWORD})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/cuenta")


async def link_in_mailbox(mailbox: httpx2.AsyncClient) -> str:
    """The link of the newest mail, once it is there."""
    async with asyncio.timeout(SECONDS):
        while not (found := (await mailbox.get("/api/messages")).json()["messages"]):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.1)
    mail = (await mailbox.get(f"/api/messages/{found[0]['id']}")).text
    link = re.search(r"/cambiar/[\w.~-]+", mail)
    assert link is not None
    return link.group()
