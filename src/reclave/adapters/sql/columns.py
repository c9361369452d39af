"""The types of columns, the same on SQLite and PostgreSQL."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import BigInteger, Column, Dialect, Integer, Table, Text, make_url
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PSYCOPG: Dialect = make_url("postgresql+psycopg://").get_dialect()()
"""For statements that are written once and go straight to the driver."""

_Record = TypeVar("_Record")

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


class Reader(Generic[_Record]):
    """Makes domain objects of what the driver gives for all of a table's columns, in their order."""

    def __init__(self, table: Table, make: Callable[..., _Record]) -> None:
        self._make = make
        readers = {each.name: each.type.dialect_impl(PSYCOPG).result_processor(PSYCOPG, None) for each in table.columns}
        self._names = tuple(readers)
        self._readers = {name: reader for name, reader in readers.items() if reader is not None}
        self.width = len(readers)
        """How many columns there are."""

    def read(self, values: Sequence[Any]) -> _Record | None:
        """The object of the first `width` values; None where the first is NULL: there is no such row."""
        if values[0] is None:
            return None
        fields = dict(zip(self._names, values, strict=False))
        return self._make(**fields | {name: reader(fields[name]) for name, reader in self._readers.items()})
