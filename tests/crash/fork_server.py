"""`python -m tests.crash.fork_server URL KEYRING FD`: forks a process of the service for each job.

It imports and wires everything once and has neither threads nor connections when it forks, so that a new process
costs milliseconds. A job comes over the socket FD as a line of JSON with the pipe that its reports go to.
"""

import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import structlog

from tests.crash.service import Service
from tests.crash.wire import Born, Job, Report, read_job, write_report

_CHUNK = 65536


class _Pipe:
    """The pipe that a process reports to; a report is written whole before the process goes on."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def tell(self, report: Report) -> None:
        left = write_report(report) + b"\n"
        while left:
            left = left[os.write(self.descriptor, left) :]


def serve(service: Service, requests: socket.socket) -> None:
    """Take jobs until the other side goes away."""
    while True:
        received, descriptors, _, _ = socket.recv_fds(requests, _CHUNK, 1)
        if not received:
            return
        while not received.endswith(b"\n"):
            received += requests.recv(_CHUNK)
        [descriptor] = descriptors
        _start(service, read_job(received), _Pipe(descriptor), requests)
        os.close(descriptor)


def _start(service: Service, job: Job, pipe: _Pipe, requests: socket.socket) -> None:
    if job.here:
        service.live(job, pipe.tell)
    elif os.fork() == 0:
        requests.close()
        pipe.tell(Born(os.getpid()))
        service.live(job, pipe.tell)
        # Not sys.exit: a process that was not killed ends as abruptly, with all that it holds open.
        os._exit(0)


def main(url: str, keyring: str, descriptor: str) -> None:
    """Serve until the socket is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a process ended: its pipe tells
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    service = Service(url, Path(keyring))
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as requests:
        serve(service, requests)


if __name__ == "__main__":
    main(*sys.argv[1:])
