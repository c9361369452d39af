"""Reading a file of accounts row by row: CSV (RFC 4180) in the encodings that spreadsheets write, and XLSX.

The file is read once before, in blocks, for its digest, its encoding and about how many rows it has; then row by row.
"""

import codecs
import csv
import hashlib
import io
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from reclave.domain.errors import ReclaveError

DELIMITERS = (",", ";", "\t")
ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16")
LONGEST_LINE = 1_048_576
"""Characters; a longer line is no row of accounts, and reading it would cost its length in memory."""
_BLOCK = 1_048_576
_SAMPLE = 65_536
_ZIP = b"PK\x03\x04"
_UTF8 = "utf-8-sig"  # reads UTF-8 with and without a byte order mark
_NAMES = {_UTF8: "UTF-8", "latin-1": "Latin-1", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}


class ImportRefused(ReclaveError):
    """A file that cannot be imported as it is; says where, why and what to do."""

    code = "import_refused"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked through: how it is read, its SHA-256, about how many rows it has (header not counted).

    `told` says how it is read and why, for people.
    """

    path: Path
    digest: bytes
    rows: int
    encoding: str
    delimiter: str
    told: str

    @property
    def is_workbook(self) -> bool:
        """Whether it is an XLSX file."""
        return not self.delimiter


class Record(NamedTuple):
    """One row: its number (the header not counted), the line where it begins, its cells by column.

    `surplus` holds the cells to the right of the last column.
    """

    number: int
    line: int
    cells: dict[str, str]
    surplus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open file: the names of its columns, and its rows."""

    columns: tuple[str, ...]
    records: Iterator[Record]


def look_through(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Source:
    """Look a file through. Raises `ImportRefused` for one that is no file, empty, or not in the encoding given.

    UTF-8 is told by its byte order mark or by every byte; what is not UTF-8 is read as Latin-1.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ImportRefused(f"{path} is no file")
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    if not start:
        raise ImportRefused(f"{path} is empty: its first line names the columns")
    if start.startswith(_ZIP):
        from reclave.operations.import_accounts.workbook import about_rows

        return Source(path, _digest(path), about_rows(path), "", "", "a workbook (XLSX): its first sheet is read")
    named = {"utf-8": _UTF8}.get(encoding or "", encoding) or _named_by_mark(start)
    digest, lines, bad = _decoded(path, named or _UTF8)
    if bad is not None and named is not None:
        option = "leave --encoding out, or name another" if encoding else "save it again as UTF-8"
        raise ImportRefused(f"{path} is not {_NAMES[named]} (line {bad}): {option}")
    chosen = named or (_UTF8 if bad is None else "latin-1")
    between = delimiter or _delimiter_of(start.decode(chosen, errors="ignore"))
    why = f" because line {bad} is not UTF-8 (--encoding overrides)" if bad is not None else ""
    told = f"{_NAMES[chosen]}{why}, cells between {_DELIMITER_NAMES.get(between, repr(between))}"
    return Source(path, digest, max(0, lines - 1), chosen, between, told)


@contextmanager
def opened(source: Source) -> Iterator[Sheet]:
    """Open a file to read it row by row, in constant memory. Raises `ImportRefused` at a line that is no CSV."""
    if source.is_workbook:
        from reclave.operations.import_accounts.workbook import rows_of

        with rows_of(source.path) as rows:
            yield _sheet(source.path, rows)
        return
    with source.path.open(encoding=source.encoding, newline="") as file:
        yield _sheet(source.path, _csv(source, file))


def _sheet(path: Path, rows: Iterator[tuple[int, Sequence[str]]]) -> Sheet:
    for _, cells in rows:
        columns = tuple(cell.strip().lower() for cell in cells)
        while columns and not columns[-1]:
            columns = columns[:-1]
        return Sheet(columns, _records(columns, rows))
    raise ImportRefused(f"{path} is empty: its first line names the columns")


def _records(columns: Sequence[str], rows: Iterator[tuple[int, Sequence[str]]]) -> Iterator[Record]:
    width = len(columns)
    for number, (line, cells) in enumerate(rows, start=1):
        given = dict(zip(columns, cells, strict=False))
        yield Record(number, line, given, tuple(filter(None, cells[width:])) if len(cells) > width else ())


def _csv(source: Source, file: io.TextIOBase) -> Iterator[tuple[int, Sequence[str]]]:
    reader = csv.reader(_lines(source.path, file), delimiter=source.delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            # A line without anything is no row; a row of one empty cell is written as "".
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ImportRefused(f"{source.path}, line {line}: this is no CSV ({error}); mend it and start again") from error


def _lines(path: Path, file: io.TextIOBase) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise ImportRefused(f"{path}, line {number} is longer than {LONGEST_LINE:,} characters: a quote is missing")
        yield line


def _named_by_mark(start: bytes) -> str | None:
    if start.startswith(codecs.BOM_UTF8):
        return _UTF8
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _decoded(path: Path, encoding: str) -> tuple[bytes, int, int | None]:
    """The file's SHA-256, its lines, and the first line that is not in this encoding (None where all are)."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder(encoding)()
    lines, bad, block = 0, None, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if bad is None:
                try:
                    lines += decoder.decode(block).count("\n")
                    continue
                except UnicodeDecodeError as error:
                    bad = lines + 1 + error.object[: error.start].count(b"\n")
            lines += block.count(b"\n")
    if bad is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            bad = lines + 1
    return digest.digest(), lines, bad


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _delimiter_of(sample: str) -> str:
    """The delimiter that makes the most of the first line: names of columns hold none of them."""

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)))
        except (csv.Error, StopIteration):
            return 0

    return max(DELIMITERS, key=cells)
