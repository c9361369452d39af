"""What is wrong in a portal file, said to its operator: the key path, the nearest spelling, an example."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from reclave.domain.portal_file import PortalFile
from reclave.domain.portal_toml import toml_key, toml_value
from reclave.domain.spelling import nearest

_SAID = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[(?:\.\.\.|[0-9]+)\]|[^.\[\]]+")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_NO_CHOICE = re.compile(r"Invalid enum value .*", re.DOTALL)
_NO_DATE = "Invalid RFC3339 encoded date"
_PLAIN = {
    "object": "a table",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a date",
}
_ANY_KEY = "[...]"
_MOST_LISTED = 12


@dataclass(slots=True)
class _Place:
    """Where a mistake stands: its key path, the value there, its type, and an example of it."""

    path: str
    value: Any
    type: Any
    examples: list[Any] = field(default_factory=list)


def mistake(parsed: dict[str, Any], message: str) -> tuple[str, str]:
    """The key path of what msgspec refused in a parsed portal file, and why, in an operator's words."""
    matched = _SAID.fullmatch(message)
    what, path, of_key = (matched["what"], matched["path"] or "", bool(matched["key"])) if matched else (message, "", 0)
    place = _find(parsed, _STEP.findall(path))
    if of_key:
        return _wrong_key(place)
    if unknown := _UNKNOWN.fullmatch(what):
        name, known = unknown[1], [one.encode_name for one in msgspec.structs.fields(_table_in(place.type))]
        return _join(place.path, name), f"unknown key{nearest(name, known) or _listed('known here', known)}"
    if missing := _MISSING.fullmatch(what):
        return _join(place.path, missing[1]), f"the key {missing[1]!r} must be there{_like(place, missing[1])}"
    if _NO_CHOICE.fullmatch(what):
        choices = [str(one) for one in _choices(place.type)]
        return place.path, f"{place.value!r} is none of {', '.join(choices)}{nearest(str(place.value), choices)}"
    said = f"{place.value!r} is no date" if what == _NO_DATE else re.sub("`([a-z| ]+)`", _plain, what)
    return place.path, said + (f"; write for example {toml_value(place.examples[0])}" if place.examples else "")


def _plain(types: re.Match[str]) -> str:
    return " or ".join(_PLAIN[one] for one in types[1].split(" | ") if one in _PLAIN) or types[0]


def _find(parsed: Any, steps: Iterable[str]) -> _Place:
    """Walk a path of msgspec's through the file and its types; `[...]` is the first entry that does not fit."""
    place = _Place("", parsed, PortalFile)
    for step in steps:
        if step == _ANY_KEY:
            of = get_args(_bare(place.type))[1]
            name = next((one for one, each in place.value.items() if not _fits(each, of)), "")
            place = _Place(_join(place.path, name), place.value.get(name), of, _examples(of))
        elif step.startswith("["):
            item = next((get_args(one)[0] for one in _variants(place.type) if get_origin(one) is tuple), Any)
            examples = [each[0] for each in place.examples if isinstance(each, list)] or _examples(item)
            place = _Place(place.path + step, place.value[int(step[1:-1])], item, examples)
        else:
            of = next(one.type for one in msgspec.structs.fields(_table_in(place.type)) if one.encode_name == step)
            place = _Place(_join(place.path, step), place.value.get(step), of, _examples(of))
    return place


def _wrong_key(place: _Place) -> tuple[str, str]:
    of = get_args(_bare(place.type))[0]
    name = next((one for one in place.value if not _fits(one, of)), "")
    choices = [str(one) for one in _choices(of)]
    why = (
        f"{name!r} is none of {', '.join(choices)}{nearest(name, choices)}"
        if choices
        else f"{name!r} is no name: small letters, digits and _ only, a letter first, 40 at most"
    )
    return _join(place.path, name), why


def _join(path: str, name: str) -> str:
    return f"{path}.{toml_key(name)}" if path else toml_key(name)


def _like(place: _Place, name: str) -> str:
    table = _table_in(place.type)
    of = next(one.type for one in msgspec.structs.fields(table) if one.encode_name == name)
    found = _examples(of)
    return f"; write for example {name} = {toml_value(found[0])}" if found else ""


def _listed(introduction: str, names: Collection[str]) -> str:
    return f"; {introduction}: {', '.join(names)}" if len(names) <= _MOST_LISTED else ""


def _fits(value: Any, of: Any) -> bool:
    try:
        msgspec.convert(value, of)
    except msgspec.ValidationError:
        return False
    return True


def _examples(of: Any) -> list[Any]:
    if get_origin(of) is not Annotated:
        return []
    return [each for meta in of.__metadata__ for each in getattr(meta, "examples", None) or ()]


def _bare(of: Any) -> Any:
    return get_args(of)[0] if get_origin(of) is Annotated else of


def _variants(of: Any) -> Iterator[Any]:
    """A type without its notes; of a union, each of its types."""
    bare = _bare(of)
    if get_origin(bare) in {Union, UnionType}:
        for one in get_args(bare):
            yield from _variants(one)
    else:
        yield bare


def _table_in(of: Any) -> type[msgspec.Struct]:
    return next(one for one in _variants(of) if isinstance(one, type) and issubclass(one, msgspec.Struct))


def _choices(of: Any) -> list[Any]:
    return [each for one in _variants(of) if get_origin(one) is Literal for each in get_args(one)]
