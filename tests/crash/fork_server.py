"""`python -m tests.crash.fork_server URL KEYRING FD`: forks processes of the service.

It imports and wires everything once and has neither threads nor connections when it forks, so that a new process
costs milliseconds. Over the socket FD it is sent sockets; for each it forks a process that takes jobs from it, or,
where it is to warm up, it takes them itself.
"""

import gc
import logging
import os
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path

import structlog

from tests.crash.service import Service
from tests.crash.wire import HERE, Born, Job, Report, read_job, write_report


class _Line:
    """The socket between a process and the test: jobs come, and reports go before the process goes on."""

    def __init__(self, descriptor: int) -> None:
        self._connection = socket.socket(fileno=descriptor)
        self._jobs = self._connection.makefile("rb")

    def next_job(self) -> Job | None:
        """Wait for a job; None when there are no more."""
        line = self._jobs.readline()
        return read_job(line) if line else None

    def tell(self, report: Report) -> None:
        """Send a report."""
        self._connection.sendall(write_report(report) + b"\n")

    def close(self) -> None:
        """Hang up."""
        self._jobs.close()
        self._connection.close()


def serve(service: Service, requests: socket.socket) -> None:
    """Fork for each socket that comes, until the other side goes away."""
    while True:
        received, descriptors, _, _ = socket.recv_fds(requests, 1, 1)
        if not received:
            return
        with closing(_Line(descriptors[0])) as line:
            if received == HERE:
                service.warm_up(line.next_job, line.tell)
            elif os.fork() == 0:
                requests.close()
                line.tell(Born(os.getpid()))
                service.live(line.next_job, line.tell)
                # Not sys.exit: a process that was not killed ends as abruptly, with all that it holds open.
                os._exit(0)
        _bury()


def _bury() -> None:
    """Let the ended processes go; nobody asks how they ended, for they have told."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main(url: str, keyring: str, descriptor: str) -> None:
    """Serve until the socket is closed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    service = Service(url, Path(keyring))
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as requests:
        serve(service, requests)


if __name__ == "__main__":
    main(*sys.argv[1:])
