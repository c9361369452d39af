"""What the test and the processes that it kills say to each other: one job in, reports out, as lines of JSON."""

from typing import TypeAlias

import msgspec

from reclave.domain.time import Instant


class Request(msgspec.Struct, frozen=True, tag=True):
    """A request for a page; `path` with its query, headers in lower case."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Work(msgspec.Struct, frozen=True, tag=True):
    """The worker resolves and sends until nothing is due."""


class KeepHouse(msgspec.Struct, frozen=True, tag=True):
    """The worker does one round of what time alone brings about."""


Deed: TypeAlias = Request | Work | KeepHouse


FORK, HERE = b"f", b"h"
"""Sent with a socket to the fork server: take jobs from it in a process of its own, or do them here, to warm up."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a process does next, and the point (from 1) at which it is killed.

    `now` is what the clock shows at the beginning (microseconds UTC); `seed` is where randomness comes from;
    `double` names a deliberately wrong part.
    """

    deed: Deed
    now: Instant
    seed: str
    smtp_port: int
    kill_at: int | None = None
    double: str = ""


class Point(msgspec.Struct, frozen=True, tag=True):
    """A place where a process can be killed.

    `trail` is the project's own functions on the stack, outermost first, each «path:line name».
    """

    kind: str
    trail: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} at {' > '.join(self.trail)}"

    def within(self, function: str) -> bool:
        """Whether a function of this name («Sender._settle») is on the stack."""
        return any(place.partition(" ")[2] == function for place in self.trail)


class Born(msgspec.Struct, frozen=True, tag=True):
    """The process runs."""

    pid: int


class Compared(msgspec.Struct, frozen=True, tag=True):
    """A typed password is about to be compared."""


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The answer to a request has left the process."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The process met an error that nobody handled."""

    traceback: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """The job is done and nothing is left running; these are the points that were passed, in order."""

    points: tuple[Point, ...]


Report: TypeAlias = Born | Compared | Answered | Point | Failed | Done

write_report = msgspec.json.Encoder().encode
read_report = msgspec.json.Decoder(Report).decode
write_job = msgspec.json.Encoder().encode
read_job = msgspec.json.Decoder(Job).decode
