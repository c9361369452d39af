"""PgBouncer in transaction mode in front of a PostgreSQL, from Debian's package; it does not run as root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from tests.servers.cluster import server_user
from tests.servers.proxies import program

SERVER_CONNECTIONS = 4
"""Fewer than one process of ours opens, so that they are shared."""
START_SECONDS = 20
_SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 200
query_wait_timeout = 5
server_connect_timeout = 5
server_login_retry = 1
"""


@contextmanager
def pgbouncer_before(url: str) -> Iterator[URL]:
    """Stands before the server of this URL; the URL that leads through it.

    Raises `MissingServer`; `RuntimeError` with what it said where it has ended before the block does.
    """
    server, command = make_url(url), program("pgbouncer")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="reclave-pgbouncer-"))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        _SETTINGS.format(
            host=server.host, port=server.port, own_port=port, folder=folder, server_connections=SERVER_CONNECTIONS
        )
    )
    (folder / "users").write_text(f'"{server.username}" "{server.password}"\n')
    user = server_user()
    if user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    account = pwd.getpwnam(user) if user else None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [command, "-q", settings],
            env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=account and [],
            stderr=log,
        )
    try:
        _wait_for(port, process, folder / "log")
        yield server.set(host="127.0.0.1", port=port)
        if process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended by itself: {(folder / 'log').read_text()}")
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        shutil.rmtree(folder)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it answers. Raises `RuntimeError` with what it said where it ends instead."""
    while process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(START_SECONDS)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise RuntimeError(f"PgBouncer did not start: {log.read_text()}")
