"""`reclave mailbox`: a mail server on loopback that keeps what it is given, and pages to read it in."""

import asyncio
import signal
from pathlib import Path

from rich.console import Console

from reclave.bootstrap import NotReady
from reclave.demo.mailbox import mailbox_app
from reclave.demo.maildrop import Maildrop
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.web.server import AddressInUse, ServerLimits, listen, serve_http

_HOST = "127.0.0.1"


async def run_mailbox(folder: Path | None, *, smtp_port: int, port: int) -> None:
    """Run until Ctrl-C; mails stay in `folder`, or in memory alone. Raises `NotReady` for a taken port."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    maildrop = Maildrop(folder) if folder else Maildrop()
    smtp = LoopbackSmtpServer(maildrop, port=smtp_port)
    try:
        listener = listen(_HOST, port)
        await smtp.start()
    except AddressInUse as taken:
        raise NotReady(f"{taken.strerror}: choose another with --port") from taken
    except OSError as taken:
        raise NotReady(f"port {smtp_port} is taken by another program: choose another with --smtp-port") from taken
    told = f"Mail to *.example at {_HOST} port {smtp.port} is read at http://localhost:{port}/. Ctrl-C ends it."
    try:
        await serve_http(
            mailbox_app(maildrop),
            [listener],
            limits=ServerLimits(),
            stop=stop,
            ready=lambda: Console(stderr=True).print(told),
        )
    finally:
        await smtp.stop()
