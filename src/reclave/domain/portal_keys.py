"""What the portal file's keys are made of: the types of their values, with what editors and messages say of them."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec


def key(meaning: str, example: Any, **schema: Any) -> msgspec.Meta:
    """What a key means and an example of it; `schema` is for editors alone, where the reader says it better."""
    return msgspec.Meta(description=meaning, examples=[example], extra_json_schema=schema)


def editors(title: str, **schema: Any) -> msgspec.Meta:
    """What a type is called on the reference page; `schema` is for editors alone."""
    return msgspec.Meta(title=title, extra_json_schema=schema)


_LIMIT = "^[0-9]{1,9}/(second|minute|hour|day) per (client|identifier|portal)$"
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Language = Literal["es", "en", "pt"]
Translated = Annotated[dict[Language, str], editors("texts by language", propertyNames={"enum": ["es", "en", "pt"]})]
Colour = Annotated[str, msgspec.Meta(title="colour", pattern=r"^#[0-9a-fA-F]{6}$")]
Url = Annotated[str, msgspec.Meta(title="address on the web", pattern=r"^https://[^\s\"'<>]+$")]
Date = Annotated[date, msgspec.Meta(title="date")]
Name = Annotated[str, msgspec.Meta(title="name", pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Names = Annotated[tuple[Name, ...], msgspec.Meta(title="list of names", min_length=1)]
Span = Annotated[str, editors("length of time", pattern="^[0-9]{1,6}[smhd]$")]
Limits = Annotated[
    tuple[Annotated[str, editors("limit", pattern=_LIMIT)], ...], msgspec.Meta(title="list of limits", min_length=1)
]

Kind = Literal["co.nit", "ec.ruc", "ec.ci", "passport", "user_name", "email"]
Kinds = Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]
