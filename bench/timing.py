"""Whether a known account shows in response times: three experiments, each with a fixed seed and count."""

import gc
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.auc import Separation, separation
from bench.http_client import Connection, post
from bench.service import RECOVER, SEED, SIGN_IN, Service

PAUSE_SECONDS = 0.06
"""After a pair: the worker gathers requests for up to 12 ms, and then has some 20 ms of work for the two."""


@contextmanager
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True)
class _Classes:
    """Times by class, True for known accounts."""

    times: dict[bool, list[int]]

    @classmethod
    def empty(cls) -> "_Classes":
        return cls({True: [], False: []})

    def separation(self) -> Separation:
        return separation(self.times[True], self.times[False])


def interleaved(known: list[int], unknown: list[int], seed: int) -> list[tuple[bool, int]]:
    """Both classes in one random order."""
    people = [(True, one) for one in known] + [(False, one) for one in unknown]
    random.Random(seed).shuffle(people)
    return people


def client(number: int) -> str:
    """A network address of its own for each request, always of the same length."""
    return f"10.{100 + number // 10_000 % 100}.{100 + number // 100 % 100}.{100 + number % 100}"


def _timed(
    service: Service, order: list[tuple[bool, int]], make: Callable[[int, int], bytes], *expected: int
) -> _Classes:
    classes = _Classes.empty()
    requests = [(known, make(number, person)) for number, (known, person) in enumerate(order)]
    connection = Connection(service.port)
    with _no_collector():
        for known, request in requests:
            answer = connection.timed(request)
            if answer.status not in expected:
                raise RuntimeError(f"answered {answer.status} where {expected} was expected")
            classes.times[known].append(answer.took)
    connection.close()
    return classes


def one_after_another(
    service: Service, known: list[int], unknown: list[int], make: Callable[[int, int], bytes], *expected: int
) -> Separation:
    """Requests of both classes in one random order, on one connection."""
    return _timed(service, interleaved(known, unknown, SEED + 4), make, *expected).separation()


def recovery_requests(service: Service, known: list[int], unknown: list[int]) -> Separation:
    """One recovery request after another, on one connection."""

    def make(number: int, person: int) -> bytes:
        form = {"email": service.people.address(person)}
        return post(service.port, RECOVER, form, client(number))

    return _timed(service, interleaved(known, unknown, SEED + 1), make, 303).separation()


def sign_ins(service: Service, known: list[int], unknown: list[int]) -> Separation:
    """One wrong password after another, each for another identifier and from another client."""

    def make(number: int, person: int) -> bytes:
        form = {"identifier": service.people.nit(person), "password": "la lluvia no llega"}
        return post(service.port, SIGN_IN, form, client(number))

    return _timed(service, interleaved(known, unknown, SEED + 2), make, 422).separation()


@dataclass(frozen=True, slots=True)
class Pairs:
    """What the first and the second requests of the pairs show of the first's class."""

    first: Separation
    second: Separation


def pairs(service: Service, known: list[int], unknown: list[int], gap_ms: int, seconds: float) -> Pairs:
    """Pairs of requests: one to be told, and `gap_ms` after it was sent another on another connection, for nobody.

    Ends early after `seconds`; how many pairs there were is in the answer.
    """
    asked, probed = _Classes.empty(), _Classes.empty()
    one, other = Connection(service.port), Connection(service.port)
    until = time.monotonic() + seconds
    with _no_collector():
        for number, (is_known, person) in enumerate(interleaved(known, unknown, SEED + 3)):
            address, stranger = service.people.address(person), service.people.address(service.people.fresh())
            first = post(service.port, RECOVER, {"email": address}, client(2 * number))
            second = post(service.port, RECOVER, {"email": stranger}, client(2 * number + 1))
            asking = one.timed(first)
            time.sleep(max(0, gap_ms / 1e3 - (time.perf_counter_ns() - asking.sent) / 1e9))
            probing = other.timed(second)
            asked.times[is_known].append(asking.took)
            probed.times[is_known].append(probing.took)
            if time.monotonic() > until:
                break
            time.sleep(PAUSE_SECONDS)
    one.close()
    other.close()
    return Pairs(asked.separation(), probed.separation())
