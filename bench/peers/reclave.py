"""Reclave itself, as `reclave serve` runs it: web and worker, on the same PostgreSQL."""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from ipaddress import IPv4Address
from types import MappingProxyType

from bench.http_client import post
from bench.peers.peer import PROCESSES, Asker, Kind, Peer, Place, get, statuses, typed
from bench.service import RECOVER, ROOT, SIGN_IN, People, Service, Sink, prepared

_FIRST_CLIENT = int(IPv4Address("10.0.0.0"))


class Reclave(Peer):
    """`reclave serve` with the payments portal, its limits lifted."""

    name = "Reclave"
    folder = "reclave"
    setting = "`reclave serve --processes 2` and its worker; psycopg 3; Argon2id by libsodium; the pagos portal"
    answers = statuses(first_page=200, request=303, sign_in=303, wrong=422)

    def __init__(self) -> None:
        self._service: Service | None = None

    def version(self) -> str:
        described = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        commit = subprocess.run(described, capture_output=True, text=True, check=False).stdout.strip()
        return f"{version('reclave')} {commit}".strip()

    def install(self) -> None:
        """`make install` did."""

    def seed(self, place: Place, known: Sequence[int]) -> None:
        url = place.database.replace("postgresql://", "postgresql+psycopg://")

        async def make() -> Service:
            async with prepared(place.folder, url, len(known), Sink(place.smtp_port), place.port) as service:
                return service

        self._service = asyncio.run(make())

    def running(self, place: Place) -> contextlib.AbstractContextManager[None]:
        return self._started(place)

    @contextlib.contextmanager
    def _started(
        self, place: Place, *, command: str = "serve", environment: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        if self._service is None or self._service.port != place.port:
            raise RuntimeError("it was not seeded for this place")
        with self._service.started("--processes", str(PROCESSES), command=command, environment=environment):
            yield

    def asker(self, place: Place, people: People) -> Asker:
        def ask(kind: Kind, person: int) -> bytes:
            if kind is Kind.FIRST_PAGE:
                return get(SIGN_IN, place.port)
            # 600 sign-ins an hour from one address are a spray, whatever the limits say: each person has their own.
            client = str(IPv4Address(_FIRST_CLIENT + person))
            if kind in {Kind.KNOWN, Kind.UNKNOWN}:
                return post(place.port, RECOVER, {"email": people.address(person)}, client)
            form = {"identifier": people.nit(person), "password": typed(kind)}
            return post(place.port, SIGN_IN, form, client)

        return ask


class ReclavePages(Reclave):
    """Pages and database alone, as where workers are on other machines: what is accepted waits."""

    name = "Reclave, pages alone"
    setting = "`reclave web --processes 2`: web and database; the worker's work is left for later, no mail is sent"
    answers = MappingProxyType({Kind.KNOWN: 303, Kind.UNKNOWN: 303})
    sends = False

    def running(self, place: Place) -> contextlib.AbstractContextManager[None]:
        return self._started(place, command="web")
