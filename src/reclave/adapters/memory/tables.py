"""Tables as dictionaries of frozen rows, copied at a transaction's first write: nobody sees half of one."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from reclave.domain.accounts import Account
from reclave.domain.audit import Entry
from reclave.domain.cases import Case
from reclave.domain.grants import Grant
from reclave.domain.intake import Intake
from reclave.domain.outbox import Message, MessageState
from reclave.domain.sessions import Session
from reclave.domain.switches import Switch
from reclave.domain.throttle import Tally
from reclave.domain.time import Instant
from reclave.ports.imports import Run
from reclave.ports.outbox import Attempt
from reclave.ports.records import SealedBatch

K = TypeVar("K")
V = TypeVar("V")


class NotWritable(Exception):
    """A write through `reading()`, or through a transaction that has ended."""


class Table(Generic[K, V]):
    """Rows under their key. A snapshot shares its origin's rows until it writes to a copy of its own."""

    __slots__ = ("_own", "_rows", "_writable")

    def __init__(self, rows: dict[K, V] | None = None, *, writable: bool = False) -> None:
        self._rows: dict[K, V] = {} if rows is None else rows
        self._own = False
        self._writable = writable

    def snapshot(self, *, writable: bool) -> "Table[K, V]":
        """The same rows; what is written to one of the two is not seen in the other."""
        return Table(self._rows, writable=writable)

    def end(self) -> None:
        """Refuse every further write."""
        self._writable = False

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[V]:
        """The rows in the order in which they were first written, safe against writes under way."""
        return iter(list(self._rows.values()))

    def items(self) -> Iterator[tuple[K, V]]:
        """Keys and rows, safe against writes under way."""
        return iter(list(self._rows.items()))

    def get(self, key: K) -> V | None:
        """The row under a key."""
        return self._rows.get(key)

    def put(self, key: K, row: V) -> None:
        """Write a row over whatever the key holds. Raises `NotWritable`."""
        self._for_writing()[key] = row

    def remove(self, key: K) -> bool:
        """Delete the row under a key; whether there was one. Raises `NotWritable`."""
        return self._for_writing().pop(key, None) is not None

    def _for_writing(self) -> dict[K, V]:
        if not self._writable:
            raise NotWritable("this transaction only reads, or has ended")
        if not self._own:
            self._rows = dict(self._rows)
            self._own = True
        return self._rows


@dataclass(frozen=True, slots=True)
class IntakeRow:
    """An intake and until when a worker holds it."""

    intake: Intake
    leased_until: Instant | None = None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message and its place in the queue. `due_at` is the next attempt or the end of the lease; `sent_at` when a
    server took it."""

    message: Message
    state: MessageState
    due_at: Instant
    attempts: tuple[Attempt, ...] = ()
    sent_at: Instant = 0


@dataclass(frozen=True, slots=True)
class GuessRow:
    """A subject's tally, when it was last counted, and what was guessed at."""

    tally: Tally
    counted_at: Instant
    identifier: bytes | None


@dataclass(slots=True)
class Tables:
    """Every table there is."""

    accounts: Table[tuple[str, str], Account] = field(default_factory=Table)
    identifiers: Table[tuple[str, str, str], str] = field(default_factory=Table)
    facts: Table[tuple[str, str], Mapping[str, str]] = field(default_factory=Table)
    grants: Table[tuple[str, bytes], Grant] = field(default_factory=Table)
    intakes: Table[tuple[str, bytes], IntakeRow] = field(default_factory=Table)
    turned_away: Table[tuple[str, Instant], int] = field(default_factory=Table)
    outbox: Table[tuple[str, bytes], MessageRow] = field(default_factory=Table)
    sessions: Table[tuple[str, bytes], Session] = field(default_factory=Table)
    devices: Table[tuple[str, bytes, str], Instant] = field(default_factory=Table)
    guesses: Table[tuple[str, str, bytes], GuessRow] = field(default_factory=Table)
    limits: Table[bytes, Instant] = field(default_factory=Table)
    audit: Table[int, Entry] = field(default_factory=Table)
    batches: Table[int, SealedBatch] = field(default_factory=Table)
    cases: Table[tuple[str, bytes], Case] = field(default_factory=Table)
    switches: Table[tuple[str, str], Switch] = field(default_factory=Table)
    password_schemes: Table[tuple[str, str], int] = field(default_factory=Table)
    imports: Table[tuple[str, str], tuple[bytes, int]] = field(default_factory=Table)
    import_runs: Table[tuple[str, bytes], Run] = field(default_factory=Table)
    leases: Table[str, tuple[bytes, Instant]] = field(default_factory=Table)

    def snapshot(self, *, writable: bool) -> Self:
        """Every table as it stands now, apart from what is written later to the original."""
        names = [each.name for each in dataclasses.fields(self)]
        return type(self)(**{name: self._table(name).snapshot(writable=writable) for name in names})

    def end(self) -> None:
        """Refuse every further write."""
        for each in dataclasses.fields(self):
            self._table(each.name).end()

    def _table(self, name: str) -> Table[Any, Any]:
        table: Table[Any, Any] = getattr(self, name)
        return table
