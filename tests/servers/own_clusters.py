"""Clusters of a test's own, which it stops, starts and promotes as it likes; they end with the test."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

from tests.servers import TestRun
from tests.servers.cluster import Cluster, server_user
from tests.servers.postgresql import binaries


@contextmanager
def own_clusters() -> Iterator[Callable[[str], Cluster]]:
    """Names clusters, which are stopped and removed at the end. They share one password."""
    folder = TestRun.new(os.getpid()).folder
    folder.mkdir(mode=0o711)  # PostgreSQL's own user must pass through
    password = secrets.token_urlsafe(16)
    named: list[Cluster] = []

    def name(what: str) -> Cluster:
        named.append(Cluster(binaries(), folder / what, server_user(), password))
        return named[-1]

    try:
        yield name
    finally:
        for cluster in named:
            cluster.stop()
        shutil.rmtree(folder)


def as_store(url: str) -> str:
    """A cluster's URL as the store takes it."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
