"""The framework's limit: Starlette on Reclave's own server, a page that is a constant, a form read and not stored.

`python -m bench.peers.bare PORT` serves it.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import ClassVar

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bench.http_client import post
from bench.peers.peer import PROCESSES, Asker, Kind, Peer, Place, end, get, wait_for_answer
from bench.service import ROOT, People
from reclave.pages.forms import parse_form
from reclave.web.server import ServerLimits, listen, serve_http

_PAGE = "<!doctype html><html lang=en><title>Hello</title><p>Hello, world</p></html>"
_LONGEST_SECONDS = 3600


async def hello(request: Request) -> Response:
    """Answer a GET with a page, and a POST, once its form is parsed, with a redirect."""
    if request.method == "POST":
        parse_form(await request.body(), request.headers["content-type"], {"email"})
        return RedirectResponse("/", 303)
    return HTMLResponse(_PAGE)


class Bare(Peer):
    """No system at all: what the server and the framework leave room for."""

    name = "Starlette, bare"
    folder = "bare"
    setting = "Reclave's server, 2 processes; a constant page; the form parsed, nothing looked up, nothing stored"
    answers: ClassVar[Mapping[Kind, int]] = {Kind.FIRST_PAGE: 200, Kind.UNKNOWN: 303}

    def version(self) -> str:
        return version("starlette")

    def install(self) -> None:
        """`make install` did."""

    def seed(self, place: Place, known: Sequence[int]) -> None:
        """It has no tables."""

    @contextlib.contextmanager
    def running(self, place: Place) -> Iterator[None]:
        command = [sys.executable, "-m", "bench.peers.bare", str(place.port)]
        with (place.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for_answer(place, process)
            yield
        finally:
            end(process)

    def asker(self, place: Place, people: People) -> Asker:
        def ask(kind: Kind, person: int) -> bytes:
            if kind is Kind.FIRST_PAGE:
                return get("/", place.port)
            return post(place.port, "/", {"email": people.address(person)})

        return ask


async def _serve(listener: socket.socket) -> None:
    app = Starlette(routes=[Route("/", hello, methods=["GET", "POST"])])
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(_LONGEST_SECONDS, stop.set)
    await serve_http(app, [listener], limits=ServerLimits(), stop=stop)


if __name__ == "__main__":
    shared = listen("127.0.0.1", int(sys.argv[1]))
    for _ in range(PROCESSES - 1):
        if os.fork() == 0:
            break
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(shared))
