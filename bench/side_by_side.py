"""Reclave beside its peers: each in turn on the same PostgreSQL and the same mail server, under the same load.

Installs the peers under build/peers/, starts everything on loopback, and writes docs/benchmarks.md with its plot
from what it measured; a peer that cannot be installed is in the page, with the reason. `make bench` runs it.
"""

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python bench/side_by_side.py` finds bench/ and tests/, too

import psycopg
from sqlalchemy.engine import make_url

from bench import measure
from bench.accept_rate import make_durable
from bench.peers.page import BUILT, Machine, page
from bench.peers.peer import MissingPeer, Peer
from bench.peers.plot import plot
from bench.peers.reclave_built import COMPILED, with_the_compiled
from bench.peers.sink import counting
from bench.peers.systems import SYSTEMS
from bench.peers.trial import Bench, Extent, Trial
from bench.service import ROOT
from tests.servers import TestRun
from tests.servers.__main__ import apt_install
from tests.servers.postgresql import URL_VARIABLE, PostgresServer, shared_server, stop_server

_PAGE, _PICTURE = "benchmarks.md", "benchmarks.svg"
_HASHING_SECONDS = "3"


@contextmanager
def durable_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, which waits for the disk at every commit, or the one that the environment names."""
    run = TestRun.new(os.getpid())
    try:
        server = shared_server(run)
        if URL_VARIABLE not in os.environ:
            make_durable(server.url)
        yield server
    finally:
        stop_server(run)


def machine(server: PostgresServer, sink: str, folder: Path) -> Machine:
    """Where this is measured."""
    url = make_url(server.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        shown = {
            name: str((connection.execute(f"SHOW {name}").fetchone() or ("",))[0])
            for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        }
    return Machine(
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}, {platform.machine()}",
        python=platform.python_version(),
        postgresql=", ".join(f"{name} {value}" for name, value in shown.items()),
        sink=sink,
        disk_ms=measure.disk(folder),
        hashing=bare_hashes(),
        wrk=subprocess.run(["wrk", "-v"], check=False, capture_output=True, text=True).stdout.split("[")[0].strip(),
    )


def bare_hashes() -> str:
    """How many hashes each library computes; the compiled one, too, where it is installed."""

    def counted(environment: Mapping[str, str] | None = None) -> str:
        command = [sys.executable, str(ROOT / "bench" / "hashing.py"), _HASHING_SECONDS]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    shown = counted()
    if not COMPILED.exists():
        return shown
    compiled = re.search(r"^argon2-cffi(?P<shown> .+)$", counted(with_the_compiled()), re.MULTILINE)
    return shown if compiled is None else f"{shown}\n{BUILT:11}{compiled['shown']}"


def installed(systems: Sequence[Peer]) -> tuple[list[Peer], list[Trial]]:
    """Those that are installed by now, and for each other one why it is not."""
    there, missing = [], []
    for peer in systems:
        print(f"{peer.name}: installing", file=sys.stderr, flush=True)
        try:
            peer.install()
        except (MissingPeer, OSError) as reason:
            missing.append(Trial(peer.name, peer.version(), peer.setting, 0, 0.0, f"missing: {reason}"))
        else:
            there.append(peer)
    return there, missing


def run(systems: Sequence[Peer], extent: Extent, runs: int) -> tuple[Machine, list[Trial]]:
    """Every system's turns. Each run begins with another one."""
    there, trials = installed(systems)
    with (
        tempfile.TemporaryDirectory(prefix="reclave-side-") as folder,
        durable_server() as server,
        counting(Path(folder)) as sink,
    ):
        where = machine(server, sink.name, Path(folder))
        bench = Bench(server, sink, extent)
        for number in range(runs):
            turn = number % len(there)
            trials += [bench.trial(peer, number + 1) for peer in (*there[turn:], *there[:turn])]
    return where, trials


def main() -> None:
    """Parse the command line, measure, and write the page."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    default = Extent()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accounts", type=int, default=default.accounts)
    parser.add_argument("--seconds", type=int, default=default.seconds, help="length of each load")
    parser.add_argument("--warm-up", type=int, default=default.warm_up, help="seconds before each load")
    parser.add_argument("--samples", type=int, default=default.samples, help="timed requests a side, at most")
    parser.add_argument("--sample-seconds", type=float, default=default.sample_seconds, help="when the timing ends")
    parser.add_argument("--connections", type=int, default=default.connections)
    parser.add_argument("--runs", type=int, default=1, help="turns of each system; every one is listed")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in SYSTEMS], help="these systems")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="the folder of benchmarks.md")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        apt_install("wrk")
    systems = [one for one in SYSTEMS if not given.only or one.name in given.only]
    extent = Extent(
        given.accounts, given.seconds, given.warm_up, given.samples, given.sample_seconds, given.connections
    )
    given.output.mkdir(parents=True, exist_ok=True)
    where, trials = run(systems, extent, given.runs)
    (given.output / _PAGE).write_text(page(where, extent, trials), "utf-8")
    (given.output / _PICTURE).write_text(plot(trials), "utf-8")
    print(given.output / _PAGE)


if __name__ == "__main__":
    main()
