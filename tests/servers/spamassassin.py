"""SpamAssassin as Debian ships it, without the network: a daemon of this test's own, on a socket in its folder."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers import MissingServer

DEBIAN_PACKAGES = ("spamassassin", "spamd")
_VERDICT = re.compile(rb"Spam: \w+ ; (-?[\d.]+) /")
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the filter thinks of a mail, and the rules that made it think so."""

    score: float
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class SpamFilter:
    """A running filter."""

    path: Path

    def verdict(self, mail: bytes) -> Verdict:
        """Score a mail as a server received it, with its trace. Raises ValueError for an answer without a score."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(mail) + mail)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        found = _VERDICT.search(answer)
        if found is None:
            raise ValueError(f"spamd answered {answer[:200]!r}")
        hit = answer.partition(b"\r\n\r\n")[2].decode().strip()
        return Verdict(float(found[1]), frozenset(filter(None, hit.split(","))))


def daemon() -> str:
    """The path of spamd. Raises `MissingServer`."""
    found = shutil.which("spamd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if found is None:
        raise MissingServer(f"spamd is not here: install {' '.join(DEBIAN_PACKAGES)}")
    return found


@contextmanager
def spam_filter(folder: Path) -> Iterator[SpamFilter]:
    """A filter with Debian's rules and nobody's preferences, in `folder`, which anybody may enter."""
    path = folder / "spamd"
    folder.chmod(0o777)  # spamd gives up root's rights before it scans
    command = [
        daemon(),
        "--local",
        "--nouser-config",
        "--socketpath",
        str(path),
        "--min-children=2",
        "--max-children=2",
    ]
    command += ["--username=nobody", "--helper-home-dir", str(folder), "--syslog=stderr"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            _wait_for(path, process)
            yield SpamFilter(path)
        finally:
            process.terminate()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            return
        time.sleep(0.05)
    raise RuntimeError(f"spamd did not start:\n{(path.parent / 'log').read_text()}")
