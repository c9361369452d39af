"""Stands for a `reclave` that `loaded` has forked: with its descriptors, its signals and its exit code.

    python fork_client.py SOCKET SWITCHED_OFF serve --settings FILE

It loads next to nothing. What it is sent it passes on; when it is killed, so is what it stands for.
"""

import json
import os
import signal
import socket
import sys

MOST_FDS = 200
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


def main(path: str, *arguments: str) -> int:
    """Have a process forked, and wait for its end; its exit code."""
    shared = [fd for fd in range(MOST_FDS) if _is_open(fd)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(path)
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: line.send(str(int(number)).encode()))
        socket.send_fds(line, [json.dumps([arguments, shared]).encode()], shared)
        return int(line.recv(16) or 1)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
