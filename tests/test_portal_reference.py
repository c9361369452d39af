"""The portal file as a public interface: its schema and its reference page say what the reader does."""

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from reclave.cli import main
from reclave.domain.errors import PortalRefused
from reclave.domain.limits import parse_limit, parse_span
from reclave.domain.portal_reader import read_portal
from reclave.portal_reference import Key, keys, reference, schema, schema_json
from tests.portal_text import portal_toml
from tests.schema_check import refused_by_schema
from tests.servers import ROOT

REFERENCE = ROOT / "docs" / "reference"
PORTALS = sorted((ROOT / "portals").glob("*.toml"))
KEYS = keys()

WHOLE: dict[str, Any] = {
    "portal": {"id": "pagos", "name": "Pagos de Ejemplo"},
    "mail": {"sender": "Pagos de Ejemplo <no-responder@pagos.example>"},
    "sign_in": {"identifier": "nit"},
    "fields": {"nit": {"kind": "co.nit"}, "document": {"kind": "passport"}, "NAME": {"kind": "co.nit"}},
    "classification": [{"id": "company", "label": {"es": "Empresa"}, "requires": ["nit"]}],
    "help": {"lines": [{"label": "Mesa de ayuda"}]},
}
"""What the examples speak of."""
NEEDS: dict[str, dict[str, Any]] = {
    "journeys.reset_link": {"proves": ["nit"]},
}
"""What a table must say besides a key's example."""


def with_example(key: Key) -> dict[str, Any]:
    """A portal file in which one key stands as its example."""
    made = deepcopy(WHOLE)
    place: Any = made
    for step in key.table.split(".") if key.table else ():
        name, entry, _ = step.partition("[]")
        place = place[name][0] if entry else place.setdefault(name, {})
    place.update(NEEDS.get(key.table, {}) | {key.name: key.example})
    made["fields"] = {name: each for name, each in made["fields"].items() if name != "NAME" or "NAME" in key.table}
    if "NAME" in made["fields"]:
        made["fields"]["described"] = made["fields"].pop("NAME")
    return made


@pytest.mark.parametrize(
    ("file", "command", "generated"),
    [("portal-file.md", "reference", reference), ("portal.schema.json", "schema", schema_json)],
)
def test_what_lies_in_docs_is_what_the_types_say(file: str, command: str, generated: Any) -> None:
    mend = f"run: .venv/bin/reclave portal {command} > docs/reference/{file}"
    assert (REFERENCE / file).read_text("utf-8") == generated(), mend
    assert CliRunner().invoke(main, ["portal", command]).output == generated()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_each_key_has_a_meaning_and_an_example_that_the_reader_and_the_schema_take(key: Key) -> None:
    assert key.meaning.endswith(".")
    document = with_example(key)
    text = portal_toml(document)
    assert read_portal(text).file
    assert refused_by_schema(tomllib.loads(text)) == []


def test_the_reference_page_has_a_row_for_each_key_of_the_types() -> None:
    found = {key.path for key in KEYS}
    assert len(found) == len(KEYS) > 50
    assert {"portal.id", "fields.NAME.kind", "classification[].requires", "help.lines[].hours", "texts"} <= found
    page = reference()
    for key in KEYS:
        assert f"| `{key.name}` | {key.type} |" in page
    assert "null" not in schema_json()


@pytest.mark.parametrize("path", PORTALS, ids=lambda path: path.stem)
def test_each_demo_portal_fits_the_schema_and_names_it_for_editors(path: Path) -> None:
    text = path.read_text("utf-8")
    assert refused_by_schema(tomllib.loads(text)) == []
    named = text.splitlines()[0].removeprefix("#:schema ")
    assert (path.parent / named).resolve() == REFERENCE / "portal.schema.json"


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"brnd": {}}, "$.brnd: unknown"),
        ({"texts": {"fr": {}}}, "$.texts.fr: enum"),
        ({"fields": {"Nit": {"kind": "co.nit"}}}, "$.fields.Nit: pattern"),
        ({"fields": {"nit": {"kind": "co.nitt"}}}, "$.fields.nit.kind: anyOf"),
        ({"sessions": {"idle": "1 hour"}}, "$.sessions.idle: pattern"),
        ({"journeys": {"reset_link": {"presents": []}}}, "$.journeys.reset_link.presents: minItems"),
        ({"journeys": {"find_user_id": {"limits": ["5 a day"]}}}, "$.journeys.find_user_id.limits[0]: pattern"),
        ({"mail": {}}, "$.mail: required"),
    ],
)
def test_an_editor_sees_with_the_schema_what_the_reader_refuses(wrong: dict[str, Any], where: str) -> None:
    document = deepcopy(WHOLE) | wrong
    document["fields"].pop("NAME", None)
    assert where in refused_by_schema(document)
    with pytest.raises(PortalRefused):
        read_portal(portal_toml(document))


def _pattern(path: str, item: bool = False) -> str:
    table, _, name = path.rpartition(".")
    found = schema()["$defs"][table]["properties"][name]
    return str((found["items"] if item else found)["pattern"])


@given(st.from_regex(_pattern("Sessions.idle"), fullmatch=True))
def test_whatever_the_schema_takes_for_a_length_of_time_is_one(written: str) -> None:
    parse_span(written)


@given(st.from_regex(_pattern("ResetLink.limits", item=True), fullmatch=True))
def test_whatever_the_schema_takes_for_a_limit_is_one_but_for_none_at_all(written: str) -> None:
    if int(written.partition("/")[0]):
        parse_limit(written)
