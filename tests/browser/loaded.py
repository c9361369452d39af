"""A `reclave` that is loaded once and forked for each start: half of what a start takes of the processor is loading.

`command` gives the command line that starts one, in the place of `python -m reclave` (`fork_client`). That an installed
`reclave` starts by itself is shown by the tests of its commands.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import lru_cache
from pathlib import Path

from tests.servers import ROOT

_CLIENT = Path(__file__).with_name("fork_client.py")
_MOST_FDS = 32
_ABOVE = 200
"""No process here has so many descriptors: those that are taken over wait above until their places are free."""
_LOADED = ("reclave.bootstrap", "reclave.settings", "reclave.supervisor", "tests.browser.switched_off", "uvloop")


def command(switched_off: str) -> list[str]:
    """What starts `reclave` with one behaviour switched off ("nothing": none), but for its arguments."""
    if sys.platform != "linux":
        return [sys.executable, "-m", "tests.browser.switched_off", switched_off]
    return client(_started(), switched_off)


def client(path: str, switched_off: str) -> list[str]:
    """The same, from the process that listens at a path."""
    return [sys.executable, "-I", "-S", str(_CLIENT), path, switched_off]


@lru_cache
def _started() -> str:
    """Start the process that forks, once for the tests of this one; where it listens."""
    folder = tempfile.mkdtemp(prefix="reclave-loaded-")
    path = f"{folder}/socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.loaded", path, str(listener.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            stdin=subprocess.PIPE,  # its end is this process's end
            pass_fds=[listener.fileno()],
        )
    atexit.register(process.communicate)
    return path


class Forking:
    """Forks a process for each client, passes signals on to it, and tells its exit code."""

    def __init__(self, path: str, listener: socket.socket) -> None:
        self._path = path
        self._listener = listener
        self._ready = selectors.DefaultSelector()
        self._lines: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Until standard input ends; what still runs then is killed."""
        for each in (self._listener, sys.stdin):
            self._ready.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in self._ready.select():
                if key.fileobj is sys.stdin:
                    self._kill_all()
                    return
                if key.fileobj is self._listener:
                    self._fork(self._listener.accept()[0])
                elif isinstance(key.fileobj, socket.socket):
                    self._pass_on(key.fileobj, pid=key.data)
                else:
                    self._bury(key.fd, pid=key.data)

    def _fork(self, line: socket.socket) -> None:
        said, fds, _, _ = socket.recv_fds(line, 4096, _MOST_FDS)
        (switched_off, *arguments), numbers = json.loads(said)
        pid = os.fork()
        if not pid:
            _take_over(fds, numbers)
            _become(client(self._path, switched_off), switched_off, arguments)
        for fd in fds:
            os.close(fd)
        self._lines[pid] = line
        self._ready.register(line, selectors.EVENT_READ, pid)
        self._ready.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)

    def _pass_on(self, line: socket.socket, pid: int) -> None:
        said = line.recv(16)
        if not said:  # the client was killed
            self._ready.unregister(line)
        os.kill(pid, int(said or signal.SIGKILL))

    def _bury(self, pidfd: int, pid: int) -> None:
        self._ready.unregister(pidfd)
        os.close(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with self._lines.pop(pid) as line:
            if line.fileno() in self._ready.get_map():
                self._ready.unregister(line)
                line.send(str(code).encode())

    def _kill_all(self) -> None:
        for pid in self._lines:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _take_over(received: list[int], numbers: list[int]) -> None:
    """Have the descriptors that were received under the numbers that they had, and no others."""
    waiting = [fcntl.fcntl(fd, fcntl.F_DUPFD, _ABOVE) for fd in received]
    os.closerange(0, _ABOVE)
    for fd, number in zip(waiting, numbers, strict=True):
        os.dup2(fd, number)
        os.close(fd)


def _become(again: list[str], switched_off: str, arguments: list[str]) -> None:
    """Be `reclave`; never returns."""
    from tests.browser.switched_off import run

    code = 1
    try:
        run(again, switched_off, arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - the process ends here, and says why as Python does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main(path: str, descriptor: str) -> None:
    """Load, then fork until told to end."""
    for name in _LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    try:
        with socket.socket(fileno=int(descriptor)) as listener:
            Forking(path, listener).serve()
    finally:
        shutil.rmtree(Path(path).parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
