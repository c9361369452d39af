"""An installation in a folder of its own (settings, keyring, SQLite, the demo's accounts), and the command over it."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from reclave.bootstrap import Wired, new_keyring, wired
from reclave.cli import main
from reclave.demo.seeds import seed
from reclave.journeys.services import Services
from reclave.settings import Settings, read_settings
from tests.servers import ROOT
from tests.stores import sqlite_template

__all__ = ["sqlite_template"]

_Result = TypeVar("_Result")
_PORTALS = ("pagos", "aduana", "compras")


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with `reclave.toml`, and what a test does with it."""

    folder: Path

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "reclave.toml"

    def run(self, *arguments: str | Path, input_: str | None = None) -> Result:
        """Run `reclave` with arguments; the last must be of a command that takes --settings."""
        command = [*map(str, arguments), "--settings", str(self.settings)]
        return CliRunner().invoke(main, command, input=input_, env={"COLUMNS": "200", "NO_COLOR": "1"})

    def done(self, *arguments: str | Path) -> str:
        """What a command says that succeeds."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def document(self, *arguments: str | Path) -> Any:
        """What a command says in JSON."""
        return json.loads(self.done(*arguments, "--json"))

    def refused(self, *arguments: str | Path, code: int = 1) -> str:
        """What a command says on standard error as it ends with an exit code."""
        result = self.run(*arguments)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.stderr
        return result.stderr

    def within(self, work: Callable[[Services], Awaitable[_Result]]) -> _Result:
        """Do something with the services behind the installation."""

        async def go() -> _Result:
            async with wired(read_settings(self.settings)) as parts:
                return await work(parts.services)

        return asyncio.run(go())


async def _sow(parts: Wired) -> None:
    for name in _PORTALS:
        await seed(parts.services, parts.services.portals[name])


@pytest.fixture(scope="session")
def blueprint(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A folder with a keyring and a database that holds the accounts of all demo portals."""
    folder = tmp_path_factory.mktemp("blueprint")
    new_keyring(folder / "keyring")
    shutil.copyfile(sqlite_template, folder / "reclave.sqlite")
    database = f"sqlite+aiosqlite:///{folder / 'reclave.sqlite'}"
    settings = Settings(
        base_url="http://localhost:8000", database=database, keyring=folder / "keyring", portals=ROOT / "portals"
    )

    async def go() -> None:
        async with wired(settings) as parts:
            await _sow(parts)

    asyncio.run(go())
    return folder


@pytest.fixture
def installation(blueprint: Path, tmp_path: Path) -> Installation:
    """A copy of the blueprint, this test's own."""
    folder = tmp_path / "installation"
    shutil.copytree(blueprint, folder)
    settings = {
        "base_url": "http://localhost:8000",
        "database": f"sqlite+aiosqlite:///{folder / 'reclave.sqlite'}",
        "keyring": "keyring",
        "portals": str(ROOT / "portals"),
        "smtp_host": "127.0.0.1",
        "smtp_port": 9,
        "smtp_security": "none",
        "hashing_threads": 1,
        "special_use_domains": True,
    }
    # What JSON writes, TOML reads.
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    (folder / "reclave.toml").write_text("".join(lines), "utf-8")
    return Installation(folder)
