"""What is in force, and where each value came from."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import make_url

from reclave.domain.portal import Portal
from reclave.settings import Settings

MASK = "********"


@dataclass(frozen=True, slots=True)
class InForce:
    """A value in force: its name, the value for people and scripts (secrets masked), where it came from."""

    name: str
    value: Any
    origin: str


def settings_in_force(settings: Settings, origins: Mapping[str, str]) -> list[InForce]:
    """Every setting in its order."""
    return [
        InForce(
            known.name, _shown(known.name, getattr(settings, known.name), known.metadata["secret"]), origins[known.name]
        )
        for known in fields(Settings)
    ]


def portal_in_force(portal: Portal, file: Path) -> list[InForce]:
    """Every key of a portal, those that its file leaves out with their defaults."""
    written = set(_leaves(tomllib.loads(file.read_text("utf-8"))))
    found = []
    for path, value in _leaves(msgspec.to_builtins(portal.file)).items():
        below = any(each == path or each.startswith((f"{path}.", f"{path}[")) for each in written)
        found.append(InForce(path, value, file.name if below else "default"))
    return found


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The values of nested tables by key path; a list of values is one value, a list of tables is not."""
    return dict(_walk(value, path))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _walk(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")
    else:
        yield path, value


def _shown(name: str, value: Any, secret: bool) -> Any:
    if secret:
        return MASK if value else ""
    if value and name in {"database", "database_direct"}:
        return make_url(value).render_as_string(hide_password=True)
    return str(value) if isinstance(value, Path) else value
