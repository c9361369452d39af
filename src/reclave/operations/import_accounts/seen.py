"""What stood in a file before, for files of any length: keyed digests in an SQLite file that has no name."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from enum import IntEnum
from types import TracebackType
from typing import Self

_DIGEST_BYTES = 16
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
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._database = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, line INTEGER NOT NULL, shared INTEGER NOT NULL DEFAULT 0)"
            " WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, of: type[BaseException] | None, what: BaseException | None, where: TracebackType | None) -> None:
        self._database.close()

    def firsts(self, kind: Kind, values: Sequence[tuple[str, int]]) -> list[int]:
        """For each value with its line, the line where it stood first: its own, or an earlier one."""
        keyed = [(self._digest(kind, value), line) for value, line in values]
        added = self._database.executemany(
            "INSERT INTO seen (digest, line) VALUES (?, ?) ON CONFLICT DO NOTHING", keyed
        )
        if added.rowcount == len(keyed):
            return [line for _, line in keyed]
        return [self._line(digest) for digest, _ in keyed]

    def share(self, kind: Kind, values: Iterable[str]) -> None:
        """Count values, to tell afterwards which stand in several rows."""
        self._database.executemany(
            "INSERT INTO seen (digest, line) VALUES (?, 0) ON CONFLICT DO UPDATE SET shared = 1",
            ((self._digest(kind, value),) for value in values),
        )

    def is_shared(self, kind: Kind, value: str) -> bool:
        """Whether `share` counted a value more than once."""
        found = self._database.execute("SELECT shared FROM seen WHERE digest = ?", [self._digest(kind, value)])
        return bool((found.fetchone() or (0,))[0])

    def _line(self, digest: bytes) -> int:
        (line,) = self._database.execute("SELECT line FROM seen WHERE digest = ?", [digest]).fetchone()
        return int(line)

    def _digest(self, kind: Kind, value: str) -> bytes:
        text = value.encode(errors="surrogatepass")
        return hashlib.blake2b(text, digest_size=_DIGEST_BYTES, key=self._key, person=bytes([kind])).digest()
