"""What the benchmark knows of a system: how to install it, fill its tables, start it, and what to ask it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import ClassVar, TypeAlias

import psycopg
from argon2.low_level import Type, hash_secret
from psycopg import sql

from bench.service import PASSWORD, ROOT, People, tidied

INSTALLED = ROOT / "build" / "peers"
PROCESSES = 2
SECRET = "a fixed secret of the benchmark, fifty characters and more"  # noqa: S105 (made up)
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
_SALT = b"abcdefghijklmnopqrstuv"  # as long as Django's, which makes shorter ones anew at the first sign-in
_START_SECONDS = 60
_STOP_SECONDS = 10
_LONGEST_SECONDS = 3 * 3600
"""When a server ends that nobody ended: the benchmark itself was killed."""


class Kind(StrEnum):
    """What a system is asked."""

    FIRST_PAGE = "first page"
    KNOWN = "recovery request, known account"
    UNKNOWN = "recovery request, unknown account"
    SIGN_IN = "sign-in"
    WRONG = "wrong password, known account"
    WRONG_UNKNOWN = "wrong password, unknown account"


Asker: TypeAlias = Callable[[Kind, int], bytes]
"""Gives the request, whole as it goes over the wire, of one kind about one person."""


def statuses(*, request: int, sign_in: int, wrong: int, first_page: int | None = None) -> Mapping[Kind, int]:
    """The status that each kind is answered with; known and unknown accounts get the same."""
    first = {} if first_page is None else {Kind.FIRST_PAGE: first_page}
    requests, failures = (Kind.KNOWN, Kind.UNKNOWN), (Kind.WRONG, Kind.WRONG_UNKNOWN)
    return {**first, **dict.fromkeys(requests, request), Kind.SIGN_IN: sign_in, **dict.fromkeys(failures, wrong)}


class MissingPeer(Exception):
    """A system that cannot be installed here; the message says why."""


def install_by(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run what installs a system. Raises MissingPeer with the last line of what it said, where it fails."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPeer((done.stderr.strip().splitlines() or ["it says nothing"])[-1])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system runs: its database (libpq's URL), the mail server's port, its own, and a folder for its files."""

    database: str
    smtp_port: int
    port: int
    folder: Path


class Peer(ABC):
    """One system, configured at its best."""

    name: ClassVar[str]
    folder: ClassVar[str]
    setting: ClassVar[str]
    """In one line: server, driver, what is particular."""
    answers: ClassVar[Mapping[Kind, int]]
    """The status that each kind is answered with. A kind that is not here does not exist in this system."""
    sends: ClassVar[bool] = True
    """Whether what it accepts is mailed while it runs."""

    @abstractmethod
    def version(self) -> str:
        """What is pinned."""

    @abstractmethod
    def install(self) -> None:
        """Install what is pinned, once. Raises MissingPeer."""

    @abstractmethod
    def seed(self, place: Place, known: Sequence[int]) -> None:
        """Lay the tables out and fill them with an account for each of these people."""

    @abstractmethod
    def running(self, place: Place) -> contextlib.AbstractContextManager[None]:
        """The system, answering."""

    @abstractmethod
    def asker(self, place: Place, people: People) -> Asker:
        """What makes its requests; the system runs."""


class ProcessPeer(Peer):
    """A system that is a program of its own, told where it is by its environment."""

    @abstractmethod
    def command(self, place: Place) -> Sequence[str | Path]:
        """Starts the server."""

    @abstractmethod
    def layout_command(self) -> Sequence[str | Path]:
        """Lays the tables out, and ends."""

    @abstractmethod
    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        """Copy the accounts into the tables, and make the indexes that the system's own migrations leave out."""

    def environment(self, place: Place) -> dict[str, str]:
        """What the program is told."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(place.folder),
            "PEER_DATABASE": place.database,
            "PEER_SMTP_PORT": str(place.smtp_port),
            "PEER_PORT": str(place.port),
            "PEER_PROCESSES": str(PROCESSES),
            "PEER_SECRET": SECRET,
        }

    @property
    def home(self) -> Path:
        """Where its programs run."""
        return ROOT / "bench" / "peers" / self.folder / "app"

    def seed(self, place: Place, known: Sequence[int]) -> None:
        self._run(place, self.layout_command())
        with psycopg.connect(place.database) as connection:
            self.fill(connection, known)
        tidied(place.database)

    @contextlib.contextmanager
    def running(self, place: Place) -> Iterator[None]:
        bounded = ["timeout", "--kill-after=5", str(_LONGEST_SECONDS), *self.command(place)]
        with (place.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                bounded, cwd=self.home, env=self.environment(place), stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_for_answer(place, process)
            yield
        finally:
            end(process)

    def _run(self, place: Place, command: Sequence[str | Path]) -> None:
        done = subprocess.run(
            command, cwd=self.home, env=self.environment(place), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a session of processes, whatever the first of them does about the others."""
    for one in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, one)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)


def wait_for_answer(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Return when the port answers HTTP at all. Raises RuntimeError when the program does not start."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", place.port), 5) as client:
            client.sendall(get("/", place.port))
            if client.recv(5) == b"HTTP/":
                return
        time.sleep(0.05)
    log = (place.folder / "log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"it did not start (exit code {process.poll()}):\n{log}")


def typed(kind: Kind) -> str:
    """The password that is typed for a kind of sign-in."""
    return PASSWORD if kind is Kind.SIGN_IN else "la lluvia no llega"


@cache
def hashed(password: str | bytes = PASSWORD) -> str:
    """The one hash that every account of a system has, as a PHC string: computed once, at the cost that all pay."""
    secret = password.encode() if isinstance(password, str) else password
    return hash_secret(secret, _SALT, PASSES, MEMORY_KIB, LANES, 32, Type.ID).decode()


def copy(connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Copy rows into a table."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection.cursor().copy(statement) as target:
        for row in rows:
            target.write_row(row)


def get(path: str, port: int, headers: Mapping[str, str] | None = None) -> bytes:
    """A page asked for."""
    return _message("GET", path, port, headers or {}, "")


def post(path: str, port: int, kind: str, body: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A body of the media type `kind` sent."""
    length = {"Content-Type": kind, "Content-Length": str(len(body.encode()))}
    return _message("POST", path, port, {**(headers or {}), **length}, body)


def _message(method: str, path: str, port: int, headers: Mapping[str, str], body: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n{lines}\r\n{body}".encode()


def pinned(text: str, package: str) -> str:
    """The version of a package in a requirements file. Raises LookupError."""
    found = re.search(rf"^{re.escape(package)}==([^\s\\;]+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{package} is not pinned")
    return found[1]
