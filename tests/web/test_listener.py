"""Sockets that several processes answer on."""

import socket
from contextlib import ExitStack

import pytest

from reclave.web.listener import AddressInUse, listen, listen_often

HOST = "127.0.0.1"
CLIENTS = 64


def taken_by(listener: socket.socket) -> int:
    """How many connections wait in a socket's own queue."""
    count = 0
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


def test_connections_that_come_at_once_are_spread_over_the_sockets_of_a_port() -> None:
    with ExitStack() as opened:
        listeners = [opened.enter_context(listener) for listener in listen_often(HOST, 0, 2)]
        (address,) = {listener.getsockname() for listener in listeners}
        for _ in range(CLIENTS):
            opened.enter_context(socket.create_connection(address))
        shares = [taken_by(listener) for listener in listeners]
    assert sum(shares) == CLIENTS
    assert min(shares) >= CLIENTS // 8


def test_a_port_where_somebody_listens_is_taken_though_it_is_shared() -> None:
    with ExitStack() as opened:
        listeners = [opened.enter_context(listener) for listener in listen_often(HOST, 0, 2)]
        port = listeners[0].getsockname()[1]
        for again in (lambda: listen(HOST, port), lambda: listen_often(HOST, port, 2)):
            with pytest.raises(AddressInUse):
                again()
