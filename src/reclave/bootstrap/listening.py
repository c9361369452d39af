"""The sockets that a process listens on, named by their settings where they are taken."""

import socket

from reclave.bootstrap.wiring import NotReady


def listening(host: str, port: int, setting: str) -> socket.socket:
    """Listen; port 0 is any free one. Raises `NotReady` with the setting of a port that is taken, OSError."""
    from reclave.web.server import AddressInUse, listen

    try:
        return listen(host, port)
    except AddressInUse as error:
        raise NotReady(f"{error.strerror}: end it, or set another `{setting}`") from error
