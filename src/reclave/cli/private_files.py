"""Where a command's document goes: to standard output, or to a file that its owner alone may read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

output_option = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write to a new file (mode 0600) instead of standard output.",
)


@contextmanager
def opened(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that is made here; one that is there already is not written over."""
    if path is None:
        yield sys.stdout
        return
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        yield file
