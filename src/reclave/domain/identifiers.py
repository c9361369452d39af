"""What accounts are known by: tax numbers, identity documents, user names, e-mail addresses.

A portal names a kind for each of its fields. Reading is forgiving about punctuation and strict about characters: what
a person can't see or what only looks like a digit is refused, so that two accounts never meet in one spelling.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from types import MappingProxyType

from stdnum.ec import ci, ruc
from stdnum.exceptions import InvalidChecksum, ValidationError

from reclave.domain.addresses import AddressRefused, mask_address, parse_address, show_address
from reclave.domain.copied import SPACES, bare
from reclave.domain.errors import ReclaveError

MAX_TYPED = 320
"""Code points; longer texts are refused unread. The longest kind is an e-mail address."""

NIT_BASE_LENGTHS = frozenset(range(6, 11))
"""Digits of a NIT before its check digit: 9 for companies, 6 to 10 for persons (their cédula)."""
COMPANY_NIT_BASE_LENGTH = 9
PERSON_NIT_BASE_LENGTH = 10
CI_LENGTH = 10
RUC_LENGTH = 13

_BULLET = "•"
_DASHES = "-_/~\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d\uff0f"
_POINTS = ".,:;'`\u00b4\u00b7\u2019\u2032\u066b\u066c\uff0c\uff0e"
# Full-width and Arabic keyboards; other digits are easily taken for what they are not (Bengali 4 looks like 8).
_ZEROS = (0xFF10, 0x0660, 0x06F0)
_DIGITS = {zero + digit: str(digit) for zero in _ZEROS for digit in range(10)}
# Letters are not folded here: a Kelvin sign stays what it is, and is refused.
_FOLD = _DIGITS | dict.fromkeys(map(ord, _DASHES + _POINTS), "-")
_AFTER = ",;:"

_LABEL = re.compile(r"(?:N\.?I\.?T|R\.?U\.?C|C\.[IC]|c[eé\u00c9]dula)\.?[ :]*", re.IGNORECASE | re.ASCII)
# The check digit stands apart only after a whole number or after groups of three.
_NIT_WITH_ITS_CHECK_DIGIT_APART = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:-[0-9]{3})+)-[0-9]")
_USER_NAME = re.compile(r"[A-Za-z0-9._@-]*")
_PASSPORT = re.compile(r"[A-Za-z0-9]*")

_NIT_WEIGHTS = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
# For a number of so many digits: their weights, and what they weigh too much as bytes, each 48 more than its digit.
_NIT_WEIGHTS_OF = [(_NIT_WEIGHTS[:length][::-1], 48 * sum(_NIT_WEIGHTS[:length])) for length in range(16)]
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSEEN = _CONTROLS | {"Cf"}


class IdentifierRefused(ReclaveError):
    """A text that is no identifier of its kind: `code` says why, `detail` what helps, never the text."""

    def __init__(self, code: str, **detail: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, repr=False)
class Identifier:
    """One identifier in the only spelling that is stored and compared.

    `value` is, by kind: the digits with the check digit (co.nit, ec.ruc, ec.ci), upper case (passport),
    ASCII lower case (user_name), the canonical address (email). `advisory` holds codes of doubts that don't
    refuse it.
    """

    kind: str
    value: str
    advisory: tuple[str, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        return f"Identifier({self.kind!r}, {mask_identifier(self)})"


@dataclass(frozen=True, slots=True)
class IdentifierKind:
    """How one kind is read, shown to its owner and masked for logs.

    `lengths` are the lengths of a value that are admitted unless a portal narrows them (co.nit: without the
    check digit); `numeric` says whether a keypad of digits suits the field.
    """

    name: str
    lengths: frozenset[int]
    numeric: bool
    parse: Callable[[str, Collection[int]], Identifier]
    show: Callable[[str], str]
    mask: Callable[[str], str]


def parse_identifier(kind: str, typed: str, *, lengths: Collection[int] | None = None) -> Identifier:
    """Read what was typed as an identifier of `kind`, a key of IDENTIFIER_KINDS (KeyError for any other).

    `lengths` narrows the admitted lengths to those of the portal's accounts, which also settles what a bare
    number means: a portal of companies (lengths {9}) never takes a nine-digit NIT for eight digits and a
    check digit. Raises IdentifierRefused: identifier_missing, identifier_too_long,
    identifier_control_character, or a code that starts with the kind (nit_without_check_digit carries
    `suggestion`, ready to show, and where the number can be read in two ways `alternative`).
    """
    described = IDENTIFIER_KINDS[kind]
    if len(typed) > MAX_TYPED:
        raise IdentifierRefused("identifier_too_long", maximum=max(described.lengths))
    if typed.isascii() and typed.isalnum():
        # There is nothing around it, and nothing that cannot be seen: so are most of a million rows of an import.
        return described.parse(typed, lengths or described.lengths)
    # What an address may be wrapped in is its own reader's matter.
    text = typed.strip(SPACES) if kind == "email" else bare(typed, _AFTER)
    if any(unicodedata.category(character) in (_CONTROLS if kind == "email" else _UNSEEN) for character in text):
        raise IdentifierRefused("identifier_control_character")
    if not text:
        raise IdentifierRefused("identifier_missing")
    return described.parse(text, lengths or described.lengths)


def parse_identifier_of_kinds(kinds: Sequence[str], typed: str) -> Identifier:
    """Read what was typed as the first of several kinds that admits it («cédula o pasaporte»).

    A number that is an earlier kind but for its check digit keeps that doubt as an advisory: a ten-digit
    passport exists, a mistyped cédula is likelier. Raises IdentifierRefused with the first kind's reason
    when none admits it.
    """
    doubts: tuple[str, ...] = ()
    first: IdentifierRefused | None = None
    for kind in kinds:
        try:
            identifier = parse_identifier(kind, typed)
        except IdentifierRefused as refused:
            first = first or refused
            if refused.code.endswith("_wrong_check_digit"):
                doubts += (refused.code,)
        else:
            return Identifier(identifier.kind, identifier.value, doubts + identifier.advisory)
    raise first or IdentifierRefused("identifier_missing")


def format_identifier(identifier: Identifier) -> str:
    """Spell an identifier as its owner knows it: 900.123.456-8, 171430710-3."""
    return IDENTIFIER_KINDS[identifier.kind].show(identifier.value)


def mask_identifier(identifier: Identifier) -> str:
    """Mask an identifier for logs: 900.•••.•••-8; three characters and a company's check digit stay."""
    return IDENTIFIER_KINDS[identifier.kind].mask(identifier.value)


def nit_check_digit(base: str) -> str:
    """Calculate the check digit of a NIT's 1 to 15 digits (DIAN, modulus 11).

    Remainders 1 and 10 share the digit 1, so about 2 % of single-digit slips go unnoticed by any validator.
    """
    weights, surplus = _NIT_WEIGHTS_OF[len(base)]
    return "01987654321"[(sum(map(mul, weights, base.encode())) - surplus) % 11]


def _fold_number(text: str, code: str) -> str:
    """Digits, with one dash wherever dots, dashes or spaces stood; anything else is refused with `code`."""
    if text.isascii() and text.isdigit():
        return text
    kept = []
    for character in _LABEL.sub("", text, count=1).translate(_FOLD):
        if character in "0123456789-":
            kept.append(character)
        elif unicodedata.category(character) == "Zs":
            kept.append("-")
        else:
            raise IdentifierRefused(code)
    folded = re.sub("-+", "-", "".join(kept)).strip("-")
    if not folded:
        raise IdentifierRefused("identifier_missing")
    return folded


def _parse_nit(text: str, lengths: Collection[int]) -> Identifier:
    folded = _fold_number(text, "nit_not_a_number")
    digits = folded.replace("-", "")
    if digits.startswith("0"):
        raise IdentifierRefused("nit_leading_zero")
    if not _NIT_WITH_ITS_CHECK_DIGIT_APART.fullmatch(folded):
        _check_that_the_check_digit_is_there(digits, lengths)
    if len(digits) - 1 not in lengths:
        raise IdentifierRefused("nit_wrong_length", got=len(digits))
    if nit_check_digit(digits[:-1]) != digits[-1]:
        raise IdentifierRefused("nit_wrong_check_digit")
    return Identifier("co.nit", digits)


def _check_that_the_check_digit_is_there(digits: str, lengths: Collection[int]) -> None:
    """Refuse a bare number that may lack its check digit, even if its last digit would pass as one."""
    if len(digits) not in lengths:
        return
    # Ten-digit cédulas start at 1.000.000.000; any other ten digits are a company's nine and the check digit.
    if len(digits) == PERSON_NIT_BASE_LENGTH and not digits.startswith("1"):
        return
    detail: dict[str, str | int] = {"suggestion": _show_nit(digits + nit_check_digit(digits))}
    if len(digits) - 1 in lengths and nit_check_digit(digits[:-1]) == digits[-1]:
        detail["alternative"] = _show_nit(digits)
    raise IdentifierRefused("nit_without_check_digit", **detail)


def _parse_ci(text: str, _lengths: Collection[int]) -> Identifier:
    digits = _fold_number(text, "ci_not_a_number").replace("-", "")
    if len(digits) != CI_LENGTH:
        raise IdentifierRefused("ci_wrong_length", expected=CI_LENGTH, got=len(digits))
    try:
        ci.validate(digits)
    except InvalidChecksum:
        raise IdentifierRefused("ci_wrong_check_digit") from None
    except ValidationError:
        raise IdentifierRefused("ci_wrong_series") from None
    return Identifier("ec.ci", digits)


def _parse_ruc(text: str, _lengths: Collection[int]) -> Identifier:
    digits = _fold_number(text, "ruc_not_a_number").replace("-", "")
    if len(digits) != RUC_LENGTH:
        raise IdentifierRefused("ruc_wrong_length", expected=RUC_LENGTH, got=len(digits))
    try:
        ruc.validate(digits)
    except InvalidChecksum:
        # Third digit 6 (public) and 9 (companies): the registry has issued numbers that fail the checksum.
        if digits[2] in "69":
            return Identifier("ec.ruc", digits, ("ruc_wrong_check_digit",))
        raise IdentifierRefused("ruc_wrong_check_digit") from None
    except ValidationError:
        raise IdentifierRefused("ruc_wrong_series") from None
    return Identifier("ec.ruc", digits)


def _parse_passport(text: str, lengths: Collection[int]) -> Identifier:
    value = "".join(c for c in text if c not in _DASHES and unicodedata.category(c) != "Zs").translate(_DIGITS)
    value = value.rstrip(".")
    if not _PASSPORT.fullmatch(value):
        raise IdentifierRefused("passport_characters")
    _check_length("passport", value, lengths)
    return Identifier("passport", value.upper())


def _parse_user_name(text: str, lengths: Collection[int]) -> Identifier:
    text = text.translate(_DIGITS)
    if not _USER_NAME.fullmatch(text):
        raise IdentifierRefused("user_name_characters")
    _check_length("user_name", text, lengths)
    return Identifier("user_name", text.lower())


def _check_length(kind: str, value: str, lengths: Collection[int]) -> None:
    if len(value) > max(lengths):
        raise IdentifierRefused("identifier_too_long", maximum=max(lengths))
    if len(value) not in lengths:
        raise IdentifierRefused(f"{kind}_too_short", minimum=min(lengths), got=len(value))


def _parse_email(text: str, _lengths: Collection[int]) -> Identifier:
    try:
        return Identifier("email", parse_address(text).canonical)
    except AddressRefused as refused:
        raise IdentifierRefused(refused.code, **refused.detail) from None


def _show_nit(value: str) -> str:
    return f"{_groups_of_three(value[:-1])}-{value[-1]}"


def _show_ci(value: str) -> str:
    return f"{value[:-1]}-{value[-1]}"


def _mask_nit(value: str) -> str:
    base = value[:-1]
    shown = len(base) // 3
    # A person's number is short: without the check digit it can't be searched for among the few that fit.
    check = value[-1] if len(base) == COMPANY_NIT_BASE_LENGTH else _BULLET
    return f"{_groups_of_three(base[:shown] + _BULLET * (len(base) - shown))}-{check}"


def _groups_of_three(text: str) -> str:
    head = len(text) % 3
    groups = [text[:head]] if head else []
    return ".".join([*groups, *(text[at : at + 3] for at in range(head, len(text), 3))])


def _mask_after(shown: int) -> Callable[[str], str]:
    return lambda value: value[:shown] + _BULLET * 3


_KINDS = (
    IdentifierKind("co.nit", NIT_BASE_LENGTHS, True, _parse_nit, _show_nit, _mask_nit),
    IdentifierKind("ec.ruc", frozenset({RUC_LENGTH}), True, _parse_ruc, str, _mask_after(3)),
    IdentifierKind("ec.ci", frozenset({CI_LENGTH}), True, _parse_ci, _show_ci, _mask_after(3)),
    IdentifierKind("passport", frozenset(range(6, 16)), False, _parse_passport, str, _mask_after(2)),
    IdentifierKind("user_name", frozenset(range(3, 65)), False, _parse_user_name, str, _mask_after(2)),
    IdentifierKind("email", frozenset(range(3, 255)), False, _parse_email, show_address, mask_address),
)
IDENTIFIER_KINDS: Mapping[str, IdentifierKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""Every kind that a portal's field may name."""
