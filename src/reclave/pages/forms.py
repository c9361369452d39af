"""Reading a form strictly: one value a field, known fields only, UTF-8, no control characters (S33, S49)."""

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from reclave.domain.errors import FieldRefused, ReclaveError

MAX_BODY = 16 * 1024
MAX_FIELDS = 20
_BAD_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")
# A tab comes with what is copied from a spreadsheet: each field's reader says what it is worth there.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class BadForm(ReclaveError):
    """A body that no form of ours sends; `status` is the HTTP status, `reason` a stable code."""

    code = "bad_form"

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def parse_form(body: bytes, content_type: str, allowed: Collection[str]) -> dict[str, str]:
    """Read `application/x-www-form-urlencoded` (WHATWG URL, 5.1), each field at most once.

    Raises `BadForm`: content_type (415), too_large (413), too_many_fields, encoding, control_character,
    repeated_field, unknown_field.
    """
    if not body and not content_type:
        return {}
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise BadForm("content_type", 415)
    if len(body) > MAX_BODY:
        raise BadForm("too_large", 413)
    pairs = [pair for pair in body.split(b"&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise BadForm("too_many_fields")
    fields: dict[str, str] = {}
    for pair in pairs:
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _decode(raw_name), _decode(raw_value)
        if name in fields:
            raise BadForm("repeated_field")
        if name not in allowed:
            raise BadForm("unknown_field")
        fields[name] = value
    return fields


def _decode(raw: bytes) -> str:
    if _BAD_ESCAPE.search(raw):
        raise BadForm("encoding")
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadForm("encoding") from error
    if _CONTROL.search(text):
        raise BadForm("control_character")
    return text


class FormView:
    """A form as a page shows it again: what was typed (never a password), how it was read, what is wrong with it."""

    def __init__(
        self,
        values: dict[str, str],
        errors: Sequence[tuple[FieldRefused, str]] = (),
        understood: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._values = values
        self._understood = understood
        self.errors = [(str(refused.detail.get("at", refused.field)), message) for refused, message in errors]

    def moved(self, values: dict[str, str], name: str) -> "FormView":
        """The same messages at a field of another form, where the person goes on."""
        other = FormView(values)
        other.errors = [(name, message) for _, message in self.errors]
        return other

    def value(self, name: str) -> str:
        """What was typed into a field."""
        return self._values.get(name, "")

    def understood(self, name: str) -> str | None:
        """What a field was read as, where that is spelled otherwise than it was typed."""
        read = self._understood.get(name)
        return None if read == self.value(name).strip() else read

    def error(self, name: str) -> str | None:
        """The first message at a field."""
        return next((message for field, message in self.errors if field == name), None)
