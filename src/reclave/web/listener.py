"""The sockets that pages are served on: their own module, for a process that opens one and answers nothing itself."""

import errno
import socket


class AddressInUse(OSError):
    """Another program listens on this host and port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"{host} port {port} is in use by another program")
        self.host = host
        self.port = port


def listen_often(host: str, port: int, count: int) -> list[socket.socket]:
    """Return so many sockets that listen on one address, over which the kernel spreads connections (SO_REUSEPORT).

    Raises as `listen` does.
    """
    with listen(host, port) as alone:  # who shares a port would not notice that another program has it
        port = alone.getsockname()[1]
    listeners: list[socket.socket] = []
    try:
        listeners.extend(listen(host, port, shared=True) for _ in range(count))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens on the first address of `host` (a name, IPv4, IPv6); port 0: any free one.

    `shared`: others of this user may listen there too.
    An IPv6 socket takes IPv6 only: mapped IPv4 clients would all share one /64, the key of the rate limits.
    Raises AddressInUse for a taken port, OSError for anything else (an unknown host, a privileged port).
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(host, port) from error
        raise
    return listener
