"""A system in Python: pinned packages with hashes, in a virtual environment of its own under build/peers/."""

import sys
from pathlib import Path
from typing import ClassVar

from bench.peers.peer import INSTALLED, PROCESSES, Place, ProcessPeer, install_by, pinned
from bench.service import ROOT


class PythonPeer(ProcessPeer):
    """One of them; `package` is what its version is the version of."""

    package: ClassVar[str]
    built: ClassVar[tuple[str, ...]] = ()
    """Packages that there is no wheel of."""

    @property
    def environment_folder(self) -> Path:
        """Its virtual environment."""
        return INSTALLED / self.folder

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment_folder / "bin" / "python"

    def version(self) -> str:
        return pinned(self._pins.read_text(), self.package)

    def install(self) -> None:
        mark = self.environment_folder / "installed"
        pins = self._pins.read_text()
        if mark.exists() and mark.read_text() == pins:
            return
        pip: list[str | Path] = [self.python, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        unbuilt: list[str | Path] = [word for package in self.built for word in ("--no-binary", package)]
        commands: list[list[str | Path]] = [
            [sys.executable, "-m", "venv", "--clear", self.environment_folder],
            [*pip, "--only-binary", ":all:", *unbuilt, "--require-hashes", "--requirement", self._pins],
        ]
        for command in commands:
            install_by(command, ROOT)
        mark.write_text(pins)

    @property
    def _pins(self) -> Path:
        return ROOT / "bench" / "peers" / self.folder / "requirements.txt"

    def gunicorn(self, place: Place, application: str, *options: str) -> list[str | Path]:
        """Gunicorn with a process for each core."""
        bound = ["--bind", f"127.0.0.1:{place.port}", "--workers", str(PROCESSES)]
        return [self.python, "-m", "gunicorn", *bound, *options, application]
