"""The types of columns, the same on SQLite and PostgreSQL."""

import dataclasses
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ByBytes = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by its bytes: both engines order alike, and no upgrade of locales spoils an index."""

RowNumber = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database gives: SQLite counts only in a column that is called INTEGER."""


class Word(TypeDecorator[StrEnum]):
    """One of the words of an enumeration, kept as text."""

    impl = ByBytes
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002 - SQLAlchemy's
        return None if value is None else self.words(value)


def canonical_json(value: object) -> str:
    """JSON of which there is one spelling: keys sorted, no spaces, no escapes but the needed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class CanonicalJson(TypeDecorator[dict[str, str]]):
    """Named values as canonical JSON text: PostgreSQL's own JSON types would spell it in their way."""

    impl = ByBytes
    cache_ok = True

    def process_bind_param(self, value: dict[str, str] | None, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's
        return canonical_json(value or {})

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, str]:  # noqa: ARG002 - SQLAlchemy's
        return dict(json.loads(value or "{}"))


class Ids(TypeDecorator[tuple[bytes, ...]]):
    """A few ids in order, as text: hexadecimal, separated by commas."""

    impl = ByBytes
    cache_ok = True

    def process_bind_param(self, value: tuple[bytes, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's
        return ",".join(each.hex() for each in value or ())

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[bytes, ...]:  # noqa: ARG002 - SQLAlchemy's
        return tuple(bytes.fromhex(each) for each in value.split(",")) if value else ()


def key(name: str, of: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    """A column of the primary key, whose value the caller gives."""
    return Column(name, of, primary_key=True, autoincrement=False)


def given(name: str, of: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    """A column that always has a value."""
    return Column(name, of, nullable=False)


def maybe(name: str, of: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    """A column that may have none."""
    return Column(name, of, nullable=True)


def values_of(record: "DataclassInstance") -> dict[str, Any]:
    """A domain object's fields by column."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
