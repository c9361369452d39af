"""`reclave init`: what a new installation's folder holds."""

import stat
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reclave.adapters.keyring import load_keyring
from reclave.bootstrap import check_portals
from reclave.domain.errors import PortalRefused
from reclave.installation.starting import Beginning, FolderTaken, begin, settings_text
from reclave.settings import SettingsRefused, read_settings

BEGINNING = Beginning(
    base_url="https://acceso.pagos.example",
    portal_id="pagos",
    portal_name='Pagos "de Ejemplo"',
    sender="Pagos <no-responder@pagos.example>",
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_installation_holds_settings_a_keyring_and_a_portal_that_nobody_else_may_read(tmp_path: Path) -> None:
    settings_file = begin(tmp_path / "reclave", BEGINNING)
    settings = read_settings(settings_file, environment={})
    portal = check_portals(settings.portals).portals["pagos"]
    assert portal.file.portal.name == 'Pagos "de Ejemplo"'
    assert portal.file.mail.sender == "Pagos <no-responder@pagos.example>"
    assert settings.base_url == "https://acceso.pagos.example"
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path}/reclave/database/reclave.sqlite"
    assert len(load_keyring(settings.keyring).keys) == 1
    files = [settings_file, settings.keyring, settings.portals / "pagos.toml"]
    assert [mode(file) for file in files] == [0o600] * 3
    assert mode(tmp_path / "reclave") == 0o700


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FolderTaken, match="name a new folder"):
        begin(tmp_path, BEGINNING)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("given", "refused"),
    [({"base_url": "http://pagos.example"}, SettingsRefused), ({"portal_id": "Pagos S.A."}, PortalRefused)],
)
def test_what_cannot_be_meant_is_refused_before_the_folder_is_made(
    tmp_path: Path, given: dict[str, Any], refused: type[Exception]
) -> None:
    with pytest.raises(refused):
        begin(tmp_path / "reclave", replace(BEGINNING, **given))
    assert not (tmp_path / "reclave").exists()


def test_every_setting_is_in_the_file_with_its_meaning_and_what_is_commented_out_is_the_default() -> None:
    text = settings_text({"base_url": "https://acceso.pagos.example"})
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines()[2:])
    written = tomllib.loads(uncommented)
    assert {"base_url", "smtp_password_file", "trusted_proxies", "log_level"} <= set(written)
    assert "clock_offset" not in written
