"""One system's turn: a fresh database with its accounts, then each of its figures, and nothing left behind."""

import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import make_url

from bench.auc import Separation, separation
from bench.peers.drive import CONNECTIONS, Load, check, hammer
from bench.peers.exchange import Line
from bench.peers.peer import Asker, Kind, Peer, Place
from bench.peers.sink import Counter
from bench.service import SEED, People, free_port
from bench.timing import interleaved
from tests.servers.postgresql import PostgresServer

_QUIET_SECONDS = 3.0
_DRAIN_SECONDS = 900.0
_FEWEST = 2  # samples a side: a variance takes as many
_LOADS = (Kind.FIRST_PAGE, Kind.SIGN_IN, Kind.WRONG, Kind.KNOWN, Kind.UNKNOWN)
"""In this order: the last one leaves a queue of requests for nobody, which no mail shows the end of."""
_PAIRS = {"recovery request": (Kind.KNOWN, Kind.UNKNOWN), "wrong password": (Kind.WRONG, Kind.WRONG_UNKNOWN)}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: the same for every system, fixed before the run."""

    accounts: int = 100_000
    seconds: int = 20
    warm_up: int = 3
    samples: int = 2_000
    sample_seconds: float = 60
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Completed:
    """Recoveries that were seen through: mails in the sink, until the last of those asked for was there."""

    mails: int
    seconds: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds


@dataclass(slots=True)
class Trial:
    """What one system showed in one run. `trouble`: why there is nothing, or no more."""

    name: str
    version: str
    setting: str
    run: int
    load_before: float
    trouble: str = ""
    loads: dict[Kind, Load] = field(default_factory=dict)
    asked_again: int = 0
    """Known addresses that came a second time, because the accounts did not suffice."""
    completed: Completed | None = None
    told_apart: dict[str, Separation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every system shares."""

    server: PostgresServer
    sink: Counter
    extent: Extent

    def trial(self, peer: Peer, run: int) -> Trial:
        """Give a system its turn; what goes wrong is in the answer, and the next one's turn comes."""
        trial = Trial(peer.name, peer.version(), peer.setting, run, os.getloadavg()[0])
        database = self.server.create_database()
        url = make_url(self.server.url_of(database)).set(drivername="postgresql")
        people = People(self.extent.accounts)
        try:
            with tempfile.TemporaryDirectory(prefix="reclave-peer-") as folder:
                place = Place(url.render_as_string(hide_password=False), self.sink.port, free_port(), Path(folder))
                _say(f"{peer.name}: {self.extent.accounts:,} accounts")
                peer.seed(place, people.known)
                with peer.running(place):
                    _Turn(self, peer, place, people, trial).take()
        except Exception as trouble:  # noqa: BLE001 - a system that fails is reported, and the others go on
            trial.trouble = f"{type(trouble).__name__}: {trouble}"
            _say(f"  {trial.trouble}")
        finally:
            self.server.drop_database(database)
        return trial


class _Turn:
    def __init__(self, bench: Bench, peer: Peer, place: Place, people: People, trial: Trial) -> None:
        self._bench, self._extent = bench, bench.extent
        self._peer = peer
        self._place = place
        self._trial = trial
        self._ask: Asker = peer.asker(place, people)
        count = min(self._extent.samples, self._extent.accounts // 4)
        self._people = _shares(people, count)

    def take(self) -> None:
        """Measure everything that the system has."""
        for name, (known, unknown) in _PAIRS.items():
            if known in self._peer.answers:
                self._trial.told_apart[name] = found = self._told_apart(known, unknown)
                _say(f"  {name}: AUC {found.auc:.3f}, {found.known_ms:.1f} and {found.unknown_ms:.1f} ms")
        for kind in _LOADS:
            if kind in self._peer.answers:
                self._load(kind)

    def _told_apart(self, known: Kind, unknown: Kind) -> Separation:
        times: dict[Kind, list[int]] = {known: [], unknown: []}
        people = self._people[known].sampled, self._people[unknown].sampled
        order = interleaved(list(people[0]), list(people[1]), SEED + len(self._trial.told_apart))
        line, until = Line(self._place.port), time.monotonic() + self._extent.sample_seconds
        gc.collect()
        gc.disable()
        try:
            for is_known, person in order:
                kind = known if is_known else unknown
                answer = line.ask(self._ask(kind, person))
                if answer.status != self._peer.answers[kind]:
                    raise RuntimeError(f"{kind}: {answer.status} instead of {self._peer.answers[kind]}")
                times[kind].append(answer.took)
                if time.monotonic() > until and min(map(len, times.values())) >= _FEWEST:
                    break
        finally:
            gc.enable()
            line.close()
        return separation(times[known], times[unknown])

    def _load(self, kind: Kind) -> None:
        people, extent = self._people[kind].loaded, self._extent
        warming = self._hammer(kind, people[::-1], extent.warm_up)
        before, _ = self._settled()
        load = self._hammer(kind, people, extent.seconds)
        began = time.monotonic() - load.seconds  # by wrk's clock: before it asks, the requests are made and read
        check(load, self._peer.answers[kind])
        self._trial.loads[kind] = load
        _say(f"  {kind}: {load.rate:,.0f}/s")
        if kind is Kind.KNOWN:
            mails, last = self._settled()
            self._trial.asked_again = max(0, warming.answers + load.answers - len(people))
            if self._peer.sends:
                self._trial.completed = Completed(mails - before, max(last - began, load.seconds))
                _say(f"  complete: {self._trial.completed.rate:,.0f}/s")

    def _hammer(self, kind: Kind, people: Sequence[int], seconds: int) -> Load:
        requests: Iterable[bytes] = (self._ask(kind, person) for person in people)
        return hammer(self._place.port, requests, seconds, self._place.folder, self._extent.connections)

    def _settled(self) -> tuple[int, float]:
        return self._bench.sink.settled(_QUIET_SECONDS, _DRAIN_SECONDS)


@dataclass(frozen=True, slots=True)
class _Share:
    sampled: Sequence[int]
    loaded: Sequence[int]


def _shares(people: People, count: int) -> Mapping[Kind, _Share]:
    """Who is asked for one by one, and who under load: nobody in both, nor in both pairs of samples."""
    first, second, rest = slice(count), slice(count, 2 * count), slice(2 * count, None)
    strangers = [*people.unknown[rest], *_fresh(people, len(people.known))]
    return {
        Kind.FIRST_PAGE: _Share((), people.known[:1]),
        Kind.KNOWN: _Share(people.known[first], people.known[count:]),
        Kind.UNKNOWN: _Share(people.unknown[first], strangers),
        Kind.SIGN_IN: _Share((), people.known[rest]),
        Kind.WRONG: _Share(people.known[second], people.known[rest]),
        Kind.WRONG_UNKNOWN: _Share(people.unknown[second], strangers),
    }


def _fresh(people: People, count: int) -> Iterator[int]:
    return (people.fresh() for _ in range(count))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
