"""How many rows are written at a time, so that the database's one writer is held for a short while only."""

HOLD_SECONDS = 0.03
"""How long a chunk should hold the writer, its commit included: on SQLite sign-ins wait for it. 50 ms are the limit."""
STEP = 128
"""Chunks are so many rows or a multiple: few different statements have to be prepared for them."""
FEWEST, MOST = STEP // 4, 7 * STEP
MOST_UNWAITED = 32 * STEP
"""The same where nobody waits for a chunk: enough that beginning and committing it costs next to nothing."""
_SHORTEST = 0.005
_SLOWEST_SHARE = 0.3


class Pace:
    """The size of the next chunk, from how long the last ones took to write and to commit.

    A commit waits for the disk as long for few rows as for many, so only what is left beside it is shared out.
    """

    def __init__(self, most: int = MOST, *, hold: float = HOLD_SECONDS) -> None:
        """`most` rows at a time; `hold`: seconds that the writer may be held."""
        self.rows = min(STEP, most)
        self._most = most
        self._hold = hold
        self._commit = 0.0

    def wrote(self, rows: int, seconds: float, commit: float) -> None:
        """Learn from a chunk: `seconds` until its commit, `commit` seconds for that."""
        self._commit += _SLOWEST_SHARE * (commit - self._commit)
        left = max(_SHORTEST, self._hold - self._commit)
        fitting = rows * min(2.0, left / max(seconds, 1e-6))
        step = STEP if fitting >= STEP else FEWEST
        self.rows = min(self._most, max(FEWEST, int(fitting) // step * step))

    def read_only(self) -> None:
        """Learn from a chunk that held nothing."""
        self.rows = min(self._most, 2 * self.rows)
