"""A new installation's folder: settings, keyring, a folder for the database, and one portal to start from."""

import os
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from string import Template
from typing import Any

from reclave.bootstrap import new_keyring
from reclave.domain.errors import ReclaveError
from reclave.domain.portal_reader import read_portal
from reclave.domain.portal_toml import toml_value
from reclave.settings import Settings, check_base_url

SETTINGS_FILE = "reclave.toml"
_STARTER = Path(__file__).with_name("starter.toml")


class FolderTaken(ReclaveError):
    """The folder holds something already, and nothing was written."""

    code = "folder_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What an operator says of a new installation: where people reach it, and who its first portal is.

    `state` is the folder of the database, where that is not to be in the installation's own.
    """

    base_url: str
    portal_id: str
    portal_name: str
    sender: str
    state: Path | None = None


def begin(folder: Path, beginning: Beginning) -> Path:
    """Write a new installation into a folder that is empty or not there; the path of its settings file.

    Raises `FolderTaken`, `SettingsRefused`, `PortalRefused` before anything is written; OSError.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderTaken(f"{folder} is not empty: name a new folder")
    values = {
        "id": beginning.portal_id,
        "name": toml_value(beginning.portal_name),
        "sender": toml_value(beginning.sender),
    }
    portal = Template(_STARTER.read_text("utf-8")).substitute(values)
    read_portal(portal, source=f"{beginning.portal_id}.toml")
    check_base_url(beginning.base_url)
    state = beginning.state.absolute() if beginning.state else folder / "database"
    for inner in (folder, folder / "portals", state):
        inner.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = folder / SETTINGS_FILE
    given = {"base_url": beginning.base_url}
    if beginning.state:
        given["database"] = f"sqlite+aiosqlite:///{state / 'reclave.sqlite'}"
    _write(settings, settings_text(given))
    _write(folder / "portals" / f"{beginning.portal_id}.toml", portal)
    new_keyring(folder / "keyring")
    return settings


_BEGINS_WITH: dict[str, Any] = {
    "database": "sqlite+aiosqlite:///database/reclave.sqlite",
    "keyring": "keyring",
    "portals": "portals",
    "operations_port": 8001,
    "smtp_host": "localhost",
    "smtp_port": 25,
    "smtp_security": "none",
}


def settings_text(given: dict[str, Any]) -> str:
    """A settings file: each setting with its meaning, those that are not given commented out with their defaults."""
    lines = [
        "# Reclave's settings. What is commented out shows its default. A variable of the environment wins over the",
        "# file: RECLAVE_ and the name in capitals (RECLAVE_SMTP_PASSWORD). Paths are relative to this file.",
    ]
    values = _BEGINS_WITH | given
    for known in fields(Settings):
        if known.name == "clock_offset":
            continue
        value = values.get(known.name, None if known.default is MISSING else known.default)
        written = f"{known.name} = {toml_value(value)}"
        lines += ["", f"# {known.metadata['help']}", written if known.name in values else f"# {written}"]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with os.fdopen(
        os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
