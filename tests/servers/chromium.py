"""The Chromium that browser tests drive through Playwright: the machine's own, else Playwright's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

from tests.servers import MissingServer

PATH_VARIABLE = "RECLAVE_TEST_CHROMIUM"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first has the same engine and no windows: a page takes a quarter to a half of the processor time."""
PLAYWRIGHT_FOLDERS = (Path("~/.cache/ms-playwright"), Path("~/Library/Caches/ms-playwright"))
PLAYWRIGHT_PROGRAMS = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")
DEBIAN_PACKAGES = ("chromium-headless-shell", "fontconfig", "fonts-dejavu-core", "fonts-liberation", "libatomic1")
"""The browser, fonts for its pages, and what Playwright's driver needs beside the C library."""

LOOPBACK_ONLY = "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"


class LaunchOptions(TypedDict):
    """Arguments of Playwright's `chromium.launch`."""

    executable_path: Path
    args: list[str]


def executable() -> Path:
    """The browser's program. Raises `MissingServer`, with what to do."""
    if named := os.environ.get(PATH_VARIABLE):
        if not Path(named).exists():
            raise MissingServer(f"{PATH_VARIABLE} names {named}, which does not exist.")
        return Path(named)
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    for folder in map(Path.expanduser, PLAYWRIGHT_FOLDERS):
        for pattern in PLAYWRIGHT_PROGRAMS:
            if installed := sorted(folder.glob(pattern)):
                return installed[-1]
    raise MissingServer(
        f"The browser tests need Chromium. On Debian: apt-get install {' '.join(DEBIAN_PACKAGES)}; "
        f"elsewhere: .venv/bin/playwright install chromium, or set {PATH_VARIABLE} to its program. "
        "`make servers` tries all of this."
    )


def check_driver() -> None:
    """Start Playwright's driver once. Raises `MissingServer` with what it says where it does not start."""
    command = [sys.executable, "-m", "playwright", "--version"]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    if started.returncode:
        raise MissingServer(
            f"Playwright's driver does not start: {started.stderr.strip()}\n"
            "On Debian and Ubuntu: apt-get install libatomic1"
        )


def launch_options() -> LaunchOptions:
    """How every test starts the browser: it reaches loopback only, so that a third party's resource fails."""
    return {
        "executable_path": executable(),
        "args": [
            "--disable-quic",
            "--disable-sync",
            f"--host-resolver-rules={LOOPBACK_ONLY}",
        ],
    }
