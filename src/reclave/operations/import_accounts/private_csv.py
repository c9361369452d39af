"""CSV files that an import writes: for their owner alone (mode 0600), safe to open in a spreadsheet (S42)."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from reclave.operations.import_accounts.reading import ImportRefused

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ENCODING = "utf-8-sig"  # spreadsheets take UTF-8 without a mark for something else


def escaped(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class PrivateCsv:
    """A CSV file, made anew; where a run goes on, the one that it wrote before is written anew from its first row.

    Raises `ImportRefused` for any other file that is there.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, goes_on: bool) -> None:
        check_place(path, columns, goes_on=goes_on)
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_TRUNC if goes_on else os.O_EXCL)
        descriptor = os.open(path, flags, 0o600)
        os.fchmod(descriptor, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding=_ENCODING, newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(columns)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, of: type[BaseException] | None, what: BaseException | None, where: TracebackType | None) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write rows and hand them to the system."""
        self._writer.writerows([escaped(cell) for cell in row] for row in rows)
        self._file.flush()


def check_place(path: Path, columns: Sequence[str], *, goes_on: bool) -> None:
    """Raise `ImportRefused` where a file could not be written without losing one that is there."""
    if not path.parent.is_dir():
        raise ImportRefused(f"{path}: there is no folder {path.parent}")
    if not path.exists() and not path.is_symlink():
        return
    if goes_on and path.is_file() and not path.is_symlink():
        with path.open(encoding=_ENCODING, errors="replace", newline="") as file:
            # A machine that lost its power may have kept nothing of the file but its name.
            if next(csv.reader([file.readline()]), []) in ([], list(columns)):
                return
    raise ImportRefused(f"{path} is there already: name a file that is not, so that nothing is written over")
