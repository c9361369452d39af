"""Settings: everything that is wrong is said at once, with the way out."""

from pathlib import Path

import pytest

from reclave.settings import SettingsRefused, read_settings

GOOD = 'base_url = "https://acceso.example"\ndatabase = "sqlite+aiosqlite:///d.sqlite"\nkeyring = "k"\nportals = "p"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "reclave.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsRefused) as refused:
        read_settings(written(folder, text), environment or {})
    return refused.value.problems


def test_all_problems_are_said_at_once_each_with_its_name(tmp_path: Path) -> None:
    said = problems(
        tmp_path,
        'base_url = "http://pagos.example"\nsmtp_sekurity = "tls"\nport = "many"\nlog_level = "loud"\n',
        {"RECLAVE_SMPT_HOST": "x"},
    )
    expected = (
        "RECLAVE_SMPT_HOST: no setting has this variable; did you mean 'RECLAVE_SMTP_HOST'?",
        "base_url: 'http://pagos.example' would send passwords in the clear",
        "log_level: 'loud' is none of debug, info, warning, error",
        "port: 'many' is not a whole number",
        "smtp_sekurity: no setting has this name; did you mean 'smtp_security'?",
        "database is missing",
        "keyring is missing",
        "portals is missing",
    )
    assert len(said) == len(expected)
    for words in expected:
        assert any(words in line for line in said), words


def test_paths_are_relative_to_the_settings_file_the_embedded_databases_too(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, GOOD), {})
    assert (settings.keyring, settings.portals) == (tmp_path / "k", tmp_path / "p")
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path}/d.sqlite"


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, GOOD + "port = 1\n"), {"RECLAVE_PORT": "8001", "RECLAVE_SETTINGS": "x"})
    assert settings.port == 8001


@pytest.mark.parametrize(
    ("content", "said"), [(b"base_url = \xff", "not UTF-8 at byte 11"), (b"base_url = ", "not TOML")]
)
def test_a_file_that_is_no_settings_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "reclave.toml").write_bytes(content)
    with pytest.raises(SettingsRefused, match=said):
        read_settings(tmp_path / "reclave.toml", {})


def test_a_missing_file_is_refused_with_the_command_to_begin_with(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="reclave init"):
        read_settings(tmp_path / "reclave.toml", {})
