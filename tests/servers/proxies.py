"""The programs that `make test-long` puts in front of the service or beside it, from Debian's packages."""

import os
import shutil

from tests.servers import MissingServer

PACKAGES = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "caddy": "caddy",
    "pgbouncer": "pgbouncer",
    "postfix": "postfix",
    "systemd-analyze": "systemd",
}
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def program(name: str) -> str:
    """The path of a program. Raises `MissingServer`."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise MissingServer(f"{name} is not here: install Debian's package {PACKAGES[name]}")
    return found
