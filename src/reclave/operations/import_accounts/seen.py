"""What stood in a file before, for files of any length: keyed digests in an SQLite file that has no name."""

import sqlite3
from collections.abc import Iterable, Sequence
from enum import IntEnum
from operator import itemgetter
from types import TracebackType
from typing import Self

_CACHE_KIB = 32_768


class Kind(IntEnum):
    """What is looked for twice."""

    IDENTIFIER = 1
    ADDRESS = 2
    SECRET = 3


class Seen:
    """Remembers where each value of a kind stood first, under a digest with a key of this run alone.

    The file is SQLite's own temporary one: it lies in the folder for temporary files (SQLITE_TMPDIR, TMPDIR), has no
    name there, and is gone with the process. It holds no value, only digests and lines.

    A digest is two of Python's own hashes of key and value, 64 bits each (SipHash-1-3 under a key of the process): made
    in a tenth of the time of a cryptographic one. By the first one it is found, by the second one told from another
    value with the same first. Such a value is not remembered: of 1,000 files with 100 million rows hardly one has it.
    """

    def __init__(self, key: bytes) -> None:
        self._salts = {kind: (f"{kind}{key.hex()}", f"{key.hex()}{kind}") for kind in Kind}
        self._database = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE seen (digest INTEGER PRIMARY KEY, other INTEGER NOT NULL, line INTEGER NOT NULL,"
            " shared INTEGER NOT NULL DEFAULT 0)"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, of: type[BaseException] | None, what: BaseException | None, where: TracebackType | None) -> None:
        self._database.close()

    def firsts(self, kind: Kind, values: Sequence[tuple[str, int]]) -> list[int]:
        """For each value with its line, in the lines' order, where it stood first: its own or an earlier one."""
        one, two = self._salts[kind]
        keyed = [(hash(one + value), hash(two + value), line) for value, line in values]
        in_its_order = sorted(keyed, key=itemgetter(0))  # so that the table is gone through page by page
        added = self._database.executemany(
            "INSERT INTO seen (digest, other, line) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", in_its_order
        )
        if added.rowcount == len(keyed):
            return [line for _, _, line in keyed]
        first: dict[int, tuple[int, int]] = {}
        for digest, other, line in keyed:
            first.setdefault(digest, (other, line))
        first.update(self._before(keyed[0][2], list(first)))
        return [first[digest][1] if first[digest][0] == other else line for digest, other, line in keyed]

    def share(self, kind: Kind, values: Iterable[str]) -> None:
        """Count values, to tell afterwards which stand in several rows."""
        one, two = self._salts[kind]
        self._database.executemany(
            "INSERT INTO seen (digest, other, line) VALUES (?, ?, 0)"
            " ON CONFLICT DO UPDATE SET shared = 1 WHERE other = excluded.other",
            ((hash(one + value), hash(two + value)) for value in values),
        )

    def is_shared(self, kind: Kind, value: str) -> bool:
        """Whether `share` counted a value more than once."""
        keyed = [hash(salt + value) for salt in self._salts[kind]]
        found = self._database.execute("SELECT shared FROM seen WHERE digest = ? AND other = ?", keyed)
        return bool((found.fetchone() or (0,))[0])

    def _before(self, line: int, digests: Sequence[int]) -> dict[int, tuple[int, int]]:
        """The other hash and the line of what stood before a line already."""
        places = ", ".join("?" * len(digests))
        query = f"SELECT digest, other, line FROM seen WHERE digest IN ({places}) AND line < ?"  # noqa: S608 - only placeholders
        return {digest: (other, first) for digest, other, first in self._database.execute(query, [*digests, line])}
