"""The portal file as a public interface, from its types: the JSON Schema for editors and the reference page."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reclave.domain.portal_file import PortalFile
from reclave.domain.portal_toml import toml_value

SCHEMA_FILE = "portal.schema.json"
_JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_WORDS = {"string": "text", "boolean": "`true` or `false`", "integer": "whole number", "object": "tables"}
_NOTHING: tuple[Any, ...] = ("", [], {}, None)
"""Defaults that say only that nothing is there."""
_COLUMNS = ("| key | type | default | meaning | example |", "|---|---|---|---|---|")
_INTRODUCTION = f"""# The portal file

Generated from the types by `reclave portal reference`; do not edit it here.

A portal is one TOML file in the folder of portal files. `reclave check FOLDER` names every mistake by file, key and
nearest spelling. Editors that know [taplo](https://taplo.tamasfe.dev/) complete the keys from
[{SCHEMA_FILE}]({SCHEMA_FILE}) when the file's first line says where it lies:

```toml
#:schema ../docs/reference/{SCHEMA_FILE}
```

Lengths of time are a number and a unit: `90s`, `2m`, `24h`, `30d`. Limits are requests on average: `5/hour per client`
(`second`, `minute`, `hour`, `day`; `client`, `identifier`, `portal`). Texts by language are `{{ es = "…", en = "…" }}`;
a language without a text takes the first one.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the portal file; `default` is None where the key must be there."""

    table: str
    name: str
    type: str
    default: str | None
    meaning: str
    example: Any

    @property
    def path(self) -> str:
        """The key's path in the file."""
        return f"{self.table}.{self.name}" if self.table else self.name


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a portal file: every key with its meaning, default and example."""
    made: dict[str, Any] = {"$schema": _JSON_SCHEMA, **msgspec.json.schema(PortalFile)}
    for table in made["$defs"].values():
        for key in table["properties"].values():
            _without_null(key)
    return made


def schema_json() -> str:
    """The schema as it lies in docs/reference/."""
    return json.dumps(schema(), ensure_ascii=False, indent=2, default=str) + "\n"  # dates as JSON writes them


def keys() -> list[Key]:
    """Every key of the portal file, in the order of its types."""
    return [key for table in _tables(schema()) for key in table.keys]


def reference() -> str:
    """The reference page, in Markdown."""
    parts = [_INTRODUCTION]
    for table in _tables(schema()):
        parts.append(f"## `{table.heading}`\n{table.meaning}\n")
        if table.keys:
            parts.append("\n".join([*_COLUMNS, *map(_row, table.keys)]) + "\n")
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file, as the page shows it."""

    heading: str
    meaning: str
    keys: list[Key]


def _tables(made: Mapping[str, Any]) -> Iterator[_Table]:
    """Every table of the file: `[portal]`, `[fields.NAME]`, `[[classification]]`…"""
    definitions = made["$defs"]
    top = definitions["PortalFile"]
    for name, of in top["properties"].items():
        inner, path, heading = _table_behind(definitions, of, name)
        if inner is None:
            yield _Table(
                f"[{name}]",
                "Words of the portal's own; a table for each language reads best: `[texts.es]`.",
                [_key("", name, of, required=False)],
            )
        else:
            yield from _table(definitions, inner, path, heading)


def _table(definitions: Mapping[str, Any], table: Mapping[str, Any], path: str, heading: str) -> Iterator[_Table]:
    own: list[Key] = []
    within: list[tuple[Mapping[str, Any], str, str]] = []
    for name, of in table["properties"].items():
        inner, at, written = _table_behind(definitions, of, f"{path}.{name}")
        if inner is not None:
            within.append((inner, at, written))
        if inner is None or "examples" in of:
            own.append(_key(path, name, of, required=name in table["required"]))
    yield _Table(heading, table["description"], own)
    for inner, at, written in within:
        yield from _table(definitions, inner, at, written)


def _table_behind(
    definitions: Mapping[str, Any], of: Mapping[str, Any], path: str
) -> tuple[Mapping[str, Any] | None, str, str]:
    """The table that a key holds (None for a plain value), its path, and how its heading is written in TOML."""
    entries = of.get("additionalProperties", {})
    if "$ref" in of:
        return _defined(definitions, of), path, f"[{path}]"
    if "$ref" in of.get("items", {}):
        return _defined(definitions, of["items"]), f"{path}[]", f"[[{path}]]"
    if "$ref" in entries:
        return _defined(definitions, entries), f"{path}.NAME", f"[{path}.NAME]"
    return None, path, ""


def _defined(definitions: Mapping[str, Any], of: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = definitions[of["$ref"].rpartition("/")[2]]
    return found


def _key(table: str, name: str, of: Mapping[str, Any], *, required: bool) -> Key:
    default = None if required else toml_value(of["default"]) if of.get("default") not in _NOTHING else ""
    return Key(table, name, _type(of), default, of["description"], of["examples"][0])


def _type(of: Mapping[str, Any]) -> str:
    """A type in words; what the types call themselves goes before what JSON calls them."""
    if "title" in of:
        return str(of["title"])
    if "enum" in of:
        return " or ".join(f"`{one}`" for one in of["enum"])
    if "anyOf" in of:
        one, *others = of["anyOf"]
        same = all(other.get("items") == one for other in others)
        return f"{_type(one)}, or a list of these" if same else ", or ".join(map(_type, of["anyOf"]))
    if of.get("type") == "array":
        return f"list: {_type(of['items'])}"
    return _WORDS.get(of.get("type", ""), "table")


def _row(key: Key) -> str:
    default = "(must be there)" if key.default is None else f"`{key.default}`" if key.default else "–"
    return f"| `{key.name}` | {key.type} | {default} | {key.meaning} | `{key.name} = {toml_value(key.example)}` |"


def _without_null(of: dict[str, Any]) -> None:
    """TOML has no null: a key that may be absent is simply left out. Tables show their own keys' defaults."""
    types = [one for one in of.get("anyOf", ()) if one != {"type": "null"}]
    if len(types) == 1:
        del of["anyOf"]
        of |= {**types[0], **of}
    if of.get("default", {}) is None or "$ref" in of:
        of.pop("default", None)
