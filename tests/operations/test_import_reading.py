import csv
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.operations.import_accounts import reading, workbook
from reclave.operations.import_accounts.reading import ImportRefused, look_through, opened

_NAMES = st.lists(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), min_size=1, max_size=5, unique=True)


def cells(path: Path, **options: str) -> list[dict[str, str]]:
    with opened(look_through(path, **options)) as sheet:
        return [record.cells for record in sheet.records]


@given(st.data())
def test_every_file_that_python_writes_as_csv_reads_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]))
    delimiter = data.draw(st.sampled_from([",", ";", "\t"]))
    columns = data.draw(_NAMES)
    letters = st.characters(max_codepoint=0xFF) if encoding == "latin-1" else st.characters(exclude_categories=["Cs"])
    row = st.lists(st.text(letters, max_size=12), min_size=len(columns), max_size=len(columns))
    rows = data.draw(st.lists(row, max_size=5))
    path = tmp_path_factory.getbasetemp() / "drawn.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([columns, *rows])
    # Some Latin-1 happens to be UTF-8, and a lone column has no delimiter to tell: then the operator says so.
    options = {"encoding": "latin-1"} if encoding == "latin-1" else {}
    if len(columns) == 1:
        options["delimiter"] = delimiter
    assert cells(path, **options) == [dict(zip(columns, each, strict=True)) for each in rows]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("nit,email\n1,josé\n".encode(), "UTF-8, cells between commas"),
        ("nit;email\n1;josé\n".encode("utf-8-sig"), "UTF-8, cells between semicolons"),
        ("nit\temail\r\n1\tjosé\r\n".encode("utf-16"), "UTF-16, cells between tabs"),
        (
            "nit;email\n1;josé\n".encode("latin-1"),
            "Latin-1 because line 2 is not UTF-8 (--encoding overrides), cells between semicolons",
        ),
    ],
)
def test_encoding_and_delimiter_are_told_apart_and_said(tmp_path: Path, raw: bytes, told: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(raw)
    source = look_through(path)
    assert (source.told, source.rows) == (told, 1)
    assert cells(path) == [{"nit": "1", "email": "josé"}]


def test_a_record_knows_the_line_where_it_begins_and_what_is_right_of_the_last_column(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text('NIT , Email\r\n1,"a\nb"\r\n\r\n2,c,,d\r\n3\r\n')
    with opened(look_through(path)) as sheet:
        records = list(sheet.records)
    assert sheet.columns == ("nit", "email")
    assert [(each.number, each.line, each.surplus) for each in records] == [(1, 2, ()), (2, 5, ("d",)), (3, 6, ())]
    assert records[2].cells == {"nit": "3"}


@pytest.mark.parametrize(
    ("raw", "options", "why"),
    [
        (b"", {}, "is empty"),
        (b'nit\n"1"2\n', {}, "line 2: this is no CSV"),
        (b'nit\n1\n2\n"3\n', {}, "line 4: this is no CSV"),
        (b"nit\n\xe9\n", {"encoding": "utf-8"}, "is not UTF-8 (line 2): leave --encoding out"),
        (b"\xef\xbb\xbfnit\n1\n\xe9\n", {}, "is not UTF-8 (line 3): save it again as UTF-8"),
        (b"PK\x03\x04 and then nothing of a workbook", {}, "is no XLSX workbook"),
        (b"nit\n" + b"1" * reading.LONGEST_LINE, {}, "line 2 is longer than 1,048,576 characters"),
    ],
)
@pytest.mark.req("S49")
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, raw: bytes, options: dict[str, str], why: str
) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(raw)
    with pytest.raises(ImportRefused) as refused:
        cells(path, **options)
    assert why in str(refused.value)


def test_the_first_sheet_of_a_workbook_is_read_with_numbers_as_they_were_typed(tmp_path: Path) -> None:
    path = tmp_path / "accounts.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["NIT", "email", None], [9001234568, "josé@empresa.example"], [None, None], [9.0, "  "]):
        sheet.append(row)
    book.save(path)
    source = look_through(path)
    assert (source.is_workbook, source.rows) == (True, 3)
    assert cells(path) == [
        {"nit": "9001234568", "email": "josé@empresa.example"},
        {"nit": "9", "email": "  "},
    ]


@pytest.mark.req("S42")
def test_a_workbook_that_would_fill_the_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "accounts.xlsx"
    book = openpyxl.Workbook()
    book.save(path)
    monkeypatch.setattr(workbook, "MOST_UNPACKED", 100)
    with pytest.raises(ImportRefused, match="save it as CSV"):
        look_through(path)
