from pathlib import Path

import pytest
from PIL import Image

from tests.gallery.sheets import STRIP, Sheet


def picture(*rows: str) -> Image.Image:
    """Four pixels wide, a row of one colour for each name."""
    drawn = Image.new("RGB", (4, len(rows)))
    for at, color in enumerate(rows):
        drawn.paste(color, (0, at, 4, at + 1))
    return drawn


def test_pictures_come_out_of_a_sheet_as_they_went_in(tmp_path: Path) -> None:
    sheet = Sheet(4)
    sheet.add("empty", picture("red", "white", "white", "blue"))
    sheet.add("wrong", picture("red", "green", "white", "blue"))
    sheet.write(tmp_path / "sheet.webp")
    read = Sheet.read(tmp_path / "sheet.webp")
    assert list(read.states) == ["empty", "wrong"]
    for state, written in (
        ("empty", picture("red", "white", "white", "blue")),
        ("wrong", picture("red", "green", "white", "blue")),
    ):
        found = read.picture(state)
        assert found is not None
        assert found.tobytes() == written.tobytes()
    assert read.picture("other") is None


def test_a_sheet_keeps_a_row_that_many_pictures_have_once(tmp_path: Path) -> None:
    sheet = Sheet(4)
    for state in ("one", "two", "three"):
        sheet.add(state, picture("red", "white", "white", "blue"))
    sheet.write(tmp_path / "sheet.webp")
    with Image.open(tmp_path / "sheet.webp") as kept:
        assert kept.size == (4, 3)


def test_a_wide_picture_comes_out_as_it_went_in_and_shares_what_stays_on_one_side(tmp_path: Path) -> None:
    sheet, drawn = Sheet(2 * STRIP), {}
    for state, color in {"one": "blue", "two": "green"}.items():
        drawn[state] = Image.new("RGB", (2 * STRIP, 3), "red")
        drawn[state].paste(color, (STRIP, 1, 2 * STRIP, 2))
        sheet.add(state, drawn[state])
    sheet.write(tmp_path / "sheet.webp")
    with Image.open(tmp_path / "sheet.webp") as kept:
        assert kept.size == (2 * STRIP, 2)
    read = Sheet.read(tmp_path / "sheet.webp")
    for state, picture_before in drawn.items():
        found = read.picture(state)
        assert found is not None
        assert found.tobytes() == picture_before.tobytes()


def test_a_picture_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="4 px, not 5"):
        Sheet(5).add("one", picture("red"))
