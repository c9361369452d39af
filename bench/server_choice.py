"""Compare HTTP servers for ADR 0002: speed under wrk, memory, start-up, and what each does with bad input.

    python bench/server_choice.py [--runs 3] [--seconds 5] [server ...]

Servers: `reclave` (web/server.py), `uvicorn` (as it comes), `granian` (embedded, where it is installed).
"""

import argparse
import asyncio
import contextlib
import importlib
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

PAGE = "<!doctype html><title>Portal</title><p>" + "x" * 1000
FORM = "tipo=nit&numero=900123456-8&correo=contabilidad%40empresa.example"
HOST = b"Host: portal.example\r\n"
PATIENCE = 12.0  # seconds until a probe calls a connection held

PROBES: dict[str, bytes] = {
    "5 MB header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 5_000_000 + b"\r\n\r\n",
    "1,000 headers": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 1000 + b"\r\n",
    "20 KB request line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "1 MB body": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n" + b"a" * 1_000_000,
    "half a head": b"GET / HTTP/1.1\r\n" + HOST,
    "half a body": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\na=b",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "Host: [": b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
    "length and coding": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a fold": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "a bare CR": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
}


async def page(request: Request) -> Response:
    """Answer a GET with a page, and a POST, once its form is read, with a redirect."""
    if request.method == "POST":
        await request.body()
        return RedirectResponse("/", 303)
    return HTMLResponse(PAGE)


APP = Starlette(routes=[Route("/", page, methods=["GET", "POST"])])


def reclave(port: int) -> Awaitable[None]:
    """Ours."""
    from reclave.web.server import ServerLimits, listen, serve_http

    return serve_http(APP, [listen("127.0.0.1", port)], limits=ServerLimits(), stop=asyncio.Event())


def uvicorn(port: int) -> Awaitable[None]:
    """Uvicorn with httptools, nothing else changed."""
    from uvicorn import Config, Server

    return Server(Config(APP, port=port, access_log=False, log_config=None, ws="none")).serve()


def granian(port: int) -> Awaitable[None]:
    """Granian in the event loop of this process."""
    # Not among our dependencies: found by name, so that the type checker does not look for it.
    server = importlib.import_module("granian.server.embed").Server(
        APP,
        port=port,
        interface=importlib.import_module("granian.constants").Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    serving: Awaitable[None] = server.serve()
    return serving


SERVERS: dict[str, Callable[[int], Awaitable[None]]] = {
    "reclave": reclave,
    "uvicorn": uvicorn,
    "granian": granian,
}


def serve(name: str, port: int) -> None:
    """Run one server until the process is told to end; say when its imports are done."""

    async def main() -> None:
        serving = SERVERS[name](port)
        print("imported", flush=True)
        await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


@contextlib.contextmanager
def running(name: str) -> Iterator[tuple[int, int, float]]:
    """Start a server in a process of its own; give its port, its process id, seconds until it answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, __file__, "--serve", name, str(port)], stdout=subprocess.PIPE)
    try:
        if process.stdout is None or not process.stdout.readline():
            raise SystemExit(f"{name} did not start")
        imported = time.perf_counter()
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
                client.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
                client.recv(1)
                break
            time.sleep(0.001)
        yield port, process.pid, time.perf_counter() - imported
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def memory(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def processor_seconds(pid: int) -> float:
    """What a process has used of the processors so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, pid: int, seconds: int, script: Path | None) -> tuple[float, float]:
    """Answers a second under wrk (32 connections, keep-alive), and the server's processor time for one, in µs.

    The second figure says more where the machine is shared.
    """
    used = processor_seconds(pid)
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    told = subprocess.run(
        command + (["-s", str(script)] if script else []), check=True, capture_output=True, text=True
    ).stdout
    rate = re.search(r"Requests/sec:\s*([\d.]+)", told)
    answers = re.search(r"(\d+) requests in", told)
    if rate is None or answers is None or "Non-2xx" in told:
        raise SystemExit(told)
    return float(rate[1]), (processor_seconds(pid) - used) / int(answers[1]) * 1e6


async def probe(port: int, sent: bytes) -> str:
    """The status that `sent` is answered with, and how long the connection then stays."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = time.monotonic()
    status = "none"
    try:
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                writer.write(sent)
                status = (await reader.readline()).split(b" ", 2)[1].decode()
                await reader.read()
    except TimeoutError:
        return f"{status}, held"
    except IndexError:
        status = "closed"
    finally:
        writer.close()
    return f"{status} in {time.monotonic() - start:.1f} s"


async def probe_all(port: int) -> dict[str, str]:
    """Every probe at once, each on its own connection."""
    return dict(zip(PROBES, await asyncio.gather(*(probe(port, sent) for sent in PROBES.values())), strict=True))


def measure(name: str, runs: int, seconds: int) -> None:
    """Print one server's table."""
    with tempfile.TemporaryDirectory() as folder, running(name) as (port, pid, start):
        script = Path(folder, "post.lua")
        script.write_text(
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
            f'wrk.body = "{FORM}"\n'
        )
        print(f"{name}: answers {start * 1000:.0f} ms after import, {memory(pid):.1f} MiB")
        for method, used in (("GET", None), ("POST", script)):
            rates, costs = zip(*[load(port, pid, seconds, used) for _ in range(runs)], strict=True)
            each = ", ".join(f"{rate:,.0f} ({cost:.0f} µs)" for rate, cost in zip(rates, costs, strict=True))
            print(f"  {method:5}{statistics.median(rates):7,.0f}/s {statistics.median(costs):4.0f} µs  of {each}")
        print(f"  then {memory(pid):.1f} MiB")
        for what, answer in asyncio.run(probe_all(port)).items():
            print(f"  {what:20}{answer}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", default=list(SERVERS), metavar="server")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--serve", nargs=2, metavar=("server", "port"), help="run one, and nothing else")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], int(given.serve[1]))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    for name in given.servers:
        measure(name, given.runs, given.seconds)


if __name__ == "__main__":
    main()
