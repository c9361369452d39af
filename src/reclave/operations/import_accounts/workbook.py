"""Reading the first sheet of an XLSX workbook row by row, with openpyxl (imported only here)."""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reclave.operations.import_accounts.reading import ImportRefused

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

_TEXTS = "xl/sharedStrings.xml"
MOST_SHARED_TEXT = 64 * 1_048_576
"""Bytes of a workbook's table of texts, which must be held in memory: beyond it the file must come as CSV."""
MOST_UNPACKED = 4_096 * 1_048_576


def about_rows(path: Path) -> int:
    """About how many rows the first sheet has below its header; 0 where the workbook does not say."""
    _check_size(path)
    with _workbook(path) as workbook:
        return max(0, (workbook.worksheets[0].max_row or 1) - 1)


@contextmanager
def rows_of(path: Path) -> Iterator[Iterator[tuple[int, Sequence[str]]]]:
    """The rows of the first sheet that hold anything, each with its line. Raises `ImportRefused`."""
    with _workbook(path) as workbook:
        yield _rows(path, workbook.worksheets[0])


def _rows(path: Path, sheet: Any) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            written = [_text(cell) for cell in cells]
            if any(written):
                yield line, written
    except (KeyError, ValueError, SyntaxError, OSError, zipfile.BadZipFile) as error:
        raise ImportRefused(f"{path} is damaged ({error}): open it and save it again, or save it as CSV") from error


def _text(cell: object) -> str:
    # Spreadsheets keep every number as a float: 9001234568.0 was typed as 9001234568.
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


@contextmanager
def _workbook(path: Path) -> "Iterator[Workbook]":
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, which are not read
            workbook = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, SyntaxError, OSError, zipfile.BadZipFile) as error:
        raise ImportRefused(f"{path} is no XLSX workbook ({error}): save it as CSV") from error
    try:
        if not workbook.worksheets:
            raise ImportRefused(f"{path} has no sheet of cells: save the accounts as CSV")
        yield workbook
    finally:
        workbook.close()


def _check_size(path: Path) -> None:
    """Refuse a workbook whose parts would fill the memory, before any of it is unpacked."""
    try:
        with zipfile.ZipFile(path) as packed:
            sizes = {part.filename: part.file_size for part in packed.infolist()}
    except zipfile.BadZipFile as error:
        raise ImportRefused(f"{path} is no XLSX workbook ({error}): save it as CSV") from error
    if sizes.get(_TEXTS, 0) > MOST_SHARED_TEXT or sum(sizes.values()) > MOST_UNPACKED:
        raise ImportRefused(f"{path} is too large to be read as a workbook: save it as CSV")
