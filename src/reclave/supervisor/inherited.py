"""What a process takes over from the one that started it, and the command line that starts one."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from reclave.domain.errors import ReclaveError
from reclave.web.listener import AddressInUse, listen, listen_often


class PortTaken(ReclaveError):
    """Another program listens where the settings say that this one shall."""

    code = "port_taken"


class Inherited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Descriptors by number, and which of how many processes it is; written as JSON on a command line.

    A newer program may be started by an older one: what it does not find has a default, what it does not know is no
    mistake.
    """

    parent: int
    """The reading end of a pipe that ends with the parent; for a worker also what wakes it."""
    bell: int | None = None
    """Pages: the writing end of the pipe that wakes the worker."""
    ready: int | None = None
    """A pipe's writing end: a byte says that requests are answered, or that work has begun."""
    listener: int | None = None
    operations: int | None = None
    numbers: int | None = None
    """The file in which processes leave their numbers (`adapters.tally.SharedSeries`)."""
    place: int = 0
    """This process's place in it."""
    places: int = 1
    siblings: int = 1
    """How many processes answer pages, this one included: they share the machine."""
    workers: int = 1
    """How many processes resolve and send, this one included: they share the mail server's connections."""
    helps: bool = False
    """A worker that nobody wakes: it looks every second, and works while there is more than another one gets done."""

    @property
    def descriptors(self) -> list[int]:
        """All of them."""
        known = (self.parent, self.bell, self.ready, self.listener, self.operations, self.numbers)
        return [fd for fd in known if fd is not None]

    def option(self) -> list[str]:
        """The words that hand it over on a command line."""
        return ["--inherited", msgspec.json.encode(self).decode()]


def inherited_from(written: str) -> Inherited:
    """Read what `Inherited.option` wrote. Raises `msgspec.ValidationError`."""
    return msgspec.json.decode(written, type=Inherited)


def own_command(*arguments: str) -> list[str]:
    """The command line that starts this program again: as it is installed by then."""
    return [sys.executable, "-m", "reclave", *arguments]


def listening(host: str, port: int, setting: str) -> socket.socket:
    """Listen; port 0 is any free one. Raises `PortTaken` with the setting of a port that is taken, OSError."""
    with _named(setting):
        return listen(host, port)


def listening_often(host: str, port: int, setting: str, count: int) -> list[socket.socket]:
    """Listen with so many sockets on one port. Raises as `listening` does."""
    with _named(setting):
        return listen_often(host, port, count)


@contextmanager
def _named(setting: str) -> Iterator[None]:
    try:
        yield
    except AddressInUse as error:
        raise PortTaken(f"{error.strerror}: end it, or set another `{setting}`") from error
