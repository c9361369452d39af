"""Fixtures and checks shared by all tests: the ids that they prove, and the servers that they run against."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from tests.requirements_ids import KNOWN, unknown_ids
from tests.servers import TestRun, chromium
from tests.servers.postgresql import EMPTY, PostgresServer, shared_server, stop_server

RUN = pytest.StashKey[TestRun]()

# How long one example takes says nothing on a shared machine; pytest's time-out stays.
settings.register_profile("shared-machine", settings.default, deadline=None)
settings.load_profile("shared-machine")


class XdistNode(Protocol):
    """What xdist's hook is given: one worker, seen from the controller."""

    config: pytest.Config
    workerinput: dict[str, str | int]


def pytest_configure(config: pytest.Config) -> None:
    """Name this run: the controller chooses, the workers are told."""
    told: dict[str, str | int] | None = getattr(config, "workerinput", None)
    if told is None:
        config.stash[RUN] = TestRun.new(os.getpid())
    else:
        config.stash[RUN] = TestRun(Path(str(told["folder"])), int(told["owner"]), str(told["prefix"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: XdistNode) -> None:
    """Tell a worker which run it belongs to."""
    run = node.config.stash[RUN]
    node.workerinput.update(folder=str(run.folder), owner=run.owner, prefix=run.prefix)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers of this run, in the controller, when the workers are done."""
    if not hasattr(config, "workerinput"):
        stop_server(config.stash[RUN])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose marker claims an id that nobody wrote down."""
    for name in KNOWN:
        claimed = [one for marker in item.iter_markers(name) for one in marker.args]
        if unknown := unknown_ids(name, claimed):
            pytest.fail(f"{name}: tests/requirements_ids.py has no {', '.join(unknown)}", pytrace=False)


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> PostgresServer:
    """The PostgreSQL server of this run, shared by all workers and started when first needed."""
    return shared_server(request.config.stash[RUN])


@pytest.fixture(scope="session")
def template_name() -> str:
    """The database that `postgresql_database` copies: an empty one.

    To start from a migrated schema, return `postgresql_server.template("migrated", migrate)` here.
    """
    return EMPTY


@pytest.fixture
def postgresql_database(postgresql_server: PostgresServer, template_name: str) -> Iterator[str]:
    """SQLAlchemy's URL of a database of this test's own, dropped after it."""
    name = postgresql_server.create_database(template_name)
    yield postgresql_server.url_of(name)
    postgresql_server.drop_database(name)


@pytest.fixture(scope="session")
def chromium_options() -> chromium.LaunchOptions:
    """The arguments of Playwright's `chromium.launch(**chromium_options)`."""
    return chromium.launch_options()
