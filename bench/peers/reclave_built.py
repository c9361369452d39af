"""Reclave with the reference code of Argon2 compiled for this machine's processor, as docs/scale.md tells operators."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bench.peers.peer import INSTALLED, Kind, MissingPeer, Place, install_by
from bench.peers.reclave import Reclave
from bench.service import ROOT

_PACKAGE = "argon2-cffi-bindings"
_FLAGS = "-O3 -march=native"
COMPILED = INSTALLED / "reclave_built"
"""Where the compiled library is, once it is installed."""
_PINS = ROOT / "requirements" / "install.txt"


class ReclaveBuilt(Reclave):
    """What hashing decides, with that library in place of the wheel; everything else is as before."""

    name = "Reclave, Argon2 built here"
    folder = COMPILED.name
    setting = f"as above, with {_PACKAGE} compiled here ({_FLAGS}); peers on argon2-cffi would gain, too"
    answers = MappingProxyType({Kind.SIGN_IN: 303, Kind.WRONG: 422, Kind.WRONG_UNKNOWN: 422})

    def install(self) -> None:
        if shutil.which("cc") is None:
            raise MissingPeer("there is no C compiler (cc)")
        pins = pins_of_the_compiled()
        mark = COMPILED / "installed"
        if mark.exists() and mark.read_text() == pins:
            return
        shutil.rmtree(COMPILED, ignore_errors=True)
        COMPILED.mkdir(parents=True)
        (requirements := COMPILED / "requirements.txt").write_text(pins)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-qq", "--no-deps"]
        chosen = ["--no-cache-dir", "--no-binary", _PACKAGE, "--require-hashes", "--requirement", str(requirements)]
        command = [*pip, "--target", str(COMPILED), *chosen]
        install_by(command, COMPILED, {**os.environ, "CFLAGS": _FLAGS})
        mark.write_text(pins)

    @contextlib.contextmanager
    def running(self, place: Place) -> Iterator[None]:
        with self._started(place, environment=with_the_compiled()):
            yield


def with_the_compiled() -> Mapping[str, str]:
    """The environment in which Python takes the compiled library in place of the wheel."""
    return {**os.environ, "PYTHONPATH": str(COMPILED)}


def pins_of_the_compiled() -> str:
    """The line of the package in Reclave's own pins, with its hashes."""
    found = re.search(rf"^{_PACKAGE}==(?:.*\\\n)+.*\n", _PINS.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{_PACKAGE} is not pinned")
    return found[0]
