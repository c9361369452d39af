"""A JSON Schema checker for the words that the portal file's schema uses."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from reclave.portal_reference import schema


def mistakes(value: Any, rule: dict[str, Any], whole: dict[str, Any], path: str = "$") -> Iterator[str]:
    """What a JSON Schema refuses, of the words of it that ours uses; AssertionError for another word."""
    for word, said in rule.items():
        checked = _CHECKS[word](value, said, rule)
        if not checked:
            yield f"{path}: {word}"
    if "$ref" in rule:
        yield from mistakes(value, whole["$defs"][rule["$ref"].rpartition("/")[2]], whole, path)
    if "anyOf" in rule and all(any(True for _ in mistakes(value, one, whole)) for one in rule["anyOf"]):
        yield f"{path}: anyOf"
    if isinstance(value, dict):
        for name, each in value.items():
            of = rule.get("properties", {}).get(name, rule.get("additionalProperties", {}))
            yield from mistakes(name, rule.get("propertyNames", {}), whole, f"{path}.{name}")
            yield from [f"{path}.{name}: unknown"] if of is False else mistakes(each, of, whole, f"{path}.{name}")
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from mistakes(each, rule.get("items", {}), whole, f"{path}[{index}]")


_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": (str, date), "integer": int, "boolean": bool}
"""A date of TOML's own is what editors check as a string of the format `date`."""
_CHECKS: dict[str, Any] = {
    "type": lambda value, said, _: isinstance(value, _TYPES[said]) and not (said == "integer" and value is True),
    "enum": lambda value, said, _: value in said,
    "pattern": lambda value, said, _: re.search(said, value) is not None,
    "format": lambda value, said, _: said == "date" and bool(date.fromisoformat(str(value))),
    "minLength": lambda value, said, _: len(value) >= said,
    "maxLength": lambda value, said, _: len(value) <= said,
    "minItems": lambda value, said, _: len(value) >= said,
    "minimum": lambda value, said, _: value >= said,
    "maximum": lambda value, said, _: value <= said,
    "required": lambda value, said, _: set(said) <= set(value),
    **dict.fromkeys(
        (
            *(
                "$ref",
                "$schema",
                "$defs",
                "title",
                "description",
                "default",
                "examples",
                "properties",
                "items",
                "anyOf",
            ),
            *("additionalProperties", "propertyNames"),
        ),
        lambda *_: True,
    ),
}


def refused_by_schema(document: Any) -> list[str]:
    """What the schema refuses in a document."""
    made = schema()
    return list(mistakes(document, {"$ref": made["$ref"]}, made))
