"""Many pictures of one width in one lossless file that keeps each row of pixels once.

The states of a portal share most of what is seen: seventy whole pictures take some 4 MB, their different rows a tenth.
A wide picture is cut into strips first, so that what changes on one side does not repeat what stays on the other.
Beside the sheet (WebP) stands a list of the rows that each picture is made of: JSON, compressed.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

STRIP = 256
"""Pixels: the width of the strips of a picture that is a whole number of them wide."""
_HIGHEST = 16_383  # rows of a WebP picture
Run = tuple[int, int]
"""Rows of the sheet that follow each other: the first, and how many; or the first so often again, as a negative."""


class Sheet:
    """Pictures by state, in the order in which they were added."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._strips = 1 if width % STRIP else width // STRIP
        self._rows: list[bytes] = []
        self._at: dict[bytes, int] = {}
        self.states: dict[str, list[Run]] = {}

    def add(self, state: str, picture: Image.Image) -> None:
        """Add a picture. Raises ValueError for one of another width."""
        if picture.width != self._width:
            raise ValueError(f"{picture.width} px, not {self._width}")
        self.states[state] = runs = list[Run]()
        for row in _rows_of(picture, self._strips):
            at = self._at.setdefault(row, len(self._rows))
            if at == len(self._rows):
                self._rows.append(row)
            first, count = runs[-1] if runs else (-1, 0)
            if count > 0 and first + count == at:
                runs[-1] = first, count + 1
            elif (count < 0 or count == 1) and first == at:
                runs[-1] = first, -abs(count) - 1
            else:
                runs.append((at, 1))

    def picture(self, state: str) -> Image.Image | None:
        """A picture as it was added; None for a state that has none."""
        if state not in self.states:
            return None
        taken = [
            row
            for first, count in self.states[state]
            for row in (self._rows[first : first + count] if count > 0 else self._rows[first : first + 1] * -count)
        ]
        return _side_by_side(taken, self._width, self._strips)

    def write(self, path: Path) -> None:
        """Write the sheet and its list. Raises ValueError where it has more rows than the format takes."""
        height = -(-len(self._rows) // self._strips)
        if height > _HIGHEST:
            raise ValueError(f"{path.name}: {height} rows are more than {_HIGHEST}")
        path.parent.mkdir(parents=True, exist_ok=True)
        blank = bytes(len(self._rows[0]))
        padded = self._rows + [blank] * (height * self._strips - len(self._rows))
        sheet = _side_by_side(padded, self._width, self._strips)
        sheet.save(path, lossless=True, quality=100, method=4)  # 6 takes minutes, for one percent
        listed = json.dumps(self.states, separators=(",", ":")).encode()
        _list_of(path).write_bytes(gzip.compress(listed, mtime=0))

    @classmethod
    def read(cls, path: Path) -> "Sheet":
        """A sheet that was written."""
        with Image.open(path) as written:
            picture = written.convert("RGB")
        sheet = cls(picture.width)
        sheet._rows = list(_rows_of(picture, sheet._strips))
        listed: dict[str, list[list[int]]] = json.loads(gzip.decompress(_list_of(path).read_bytes()))
        sheet.states = {state: [(first, count) for first, count in runs] for state, runs in listed.items()}
        return sheet


def _rows_of(picture: Image.Image, strips: int) -> Iterator[bytes]:
    """The rows of each strip from top to bottom, one strip after the other."""
    width = picture.width // strips
    for strip in range(strips):
        whole = picture.crop((strip * width, 0, (strip + 1) * width, picture.height)).tobytes()
        yield from (whole[at : at + width * 3] for at in range(0, len(whole), width * 3))


def _side_by_side(rows: list[bytes], width: int, strips: int) -> Image.Image:
    whole = Image.new("RGB", (width, len(rows) // strips))
    for strip in range(strips):
        size = width // strips, whole.height
        part = b"".join(rows[strip * whole.height : (strip + 1) * whole.height])
        whole.paste(Image.frombytes("RGB", size, part), (strip * size[0], 0))
    return whole


def _list_of(path: Path) -> Path:
    return path.with_suffix(".json.gz")
