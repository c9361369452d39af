"""`python -m tests.servers.cluster BINARIES FOLDER OWNER`: a throw-away PostgreSQL cluster and its keeper.

Prints the cluster's URL once it answers. A keeper process stays behind: on SIGTERM, or when the process
OWNER is gone (killed, say), it stops the cluster and removes FOLDER. Durability is switched off: a crash of
PostgreSQL itself is not what these clusters are for.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.servers import wait_for_end

ROLE = "reclave"
SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
jit = off
timezone = 'UTC'
lc_messages = 'C'
"""
START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster in `folder`, run by `user`, or by whoever runs the tests where that is None."""

    binaries: Path
    folder: Path
    user: str | None
    password: str

    def create(self, more_settings: str = "") -> None:
        """Lay the cluster out: its files belong to its user, and its one role needs the password."""
        password = self._lay_out()
        password.write_text(self.password)
        self._run(
            "initdb",
            "--pgdata=data",
            f"--username={ROLE}",
            "--pwfile=password",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--no-instructions",
        )
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS + self._sockets() + more_settings)

    def create_standby_of(self, url: str) -> None:
        """Copy another cluster while it runs, to follow it until `promote`. It must allow that (`wal_level`)."""
        self._lay_out()
        self._run("pg_basebackup", f"--dbname={url}", "--pgdata=data", "--write-recovery-conf", "--checkpoint=fast")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(self._sockets())

    def promote(self) -> None:
        """Have a standby take writes, and wait until it does."""
        self._run("pg_ctl", "promote", "--wait", "--pgdata=data")

    def start(self) -> str:
        """Start on a free port and return the URL; where another process takes that port first, try again."""
        for attempt in range(1, START_ATTEMPTS + 1):
            port = _free_port()
            try:
                return self.start_at(port)
            except subprocess.CalledProcessError:
                if attempt == START_ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def start_at(self, port: int) -> str:
        """Start on this port and return the URL."""
        self._run("pg_ctl", "start", "--wait", "--pgdata=data", "--log=log", f"--options=-p {port}")
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        """Stop at once; nothing in this cluster is worth a checkpoint."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--pgdata=data", "--mode=immediate")

    def _lay_out(self) -> Path:
        """Make the cluster's folder; where its role's password goes."""
        (self.folder / "socket").mkdir(parents=True, mode=0o700)
        password = self.folder / "password"
        password.touch(mode=0o600)
        if self.user:
            for path in (self.folder, self.folder / "socket", password):
                shutil.chown(path, self.user)
        return password

    def _sockets(self) -> str:
        return f"unix_socket_directories = '{self.folder / 'socket'}'\n"

    def _run(self, program: str, *arguments: str) -> None:
        account = pwd.getpwnam(self.user) if self.user else None
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        subprocess.run(
            [str(self.binaries / program), *arguments],
            cwd=self.folder,
            env=environment | {"LC_ALL": "C", "HOME": str(self.folder)},
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=account and [],
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def server_user() -> str | None:
    """Whom to run PostgreSQL as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    return "postgres" if any(user.pw_name == "postgres" for user in pwd.getpwall()) else "nobody"


def detach() -> None:
    """Let go of the caller's session, folder and pipes, so that it need not wait for this process."""
    os.setsid()
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def main(binaries: str, folder: str, owner: str) -> None:
    """Start the cluster, print its URL, and leave the keeper behind."""
    run_folder = Path(folder)
    cluster = Cluster(Path(binaries), run_folder / "postgresql", server_user(), secrets.token_urlsafe(16))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        cluster.create()
        url = cluster.start()
        if keeper := os.fork():
            (run_folder / "keeper").write_text(str(keeper))
            print(url, flush=True)  # noqa: T201 (the answer that the caller reads)
            os._exit(0)  # the cleaning below is the keeper's
        detach()
        wait_for_end(int(owner))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        cluster.stop()
        shutil.rmtree(run_folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
