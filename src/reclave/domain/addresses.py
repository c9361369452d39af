"""E-mail addresses: what may be typed, what mail is sent to, and what two addresses are compared by.

The raw text is checked before any library sees it: email-validator folds look-alikes (the Kelvin sign
becomes k) and lets encoded words and 65-character local parts through. Limits are those of RFC 5321,
4.5.3.1.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from reclave.domain.copied import SPACES, bare
from reclave.domain.errors import ReclaveError

MAX_TYPED = 1024
"""Code points; longer texts are refused unread."""
MAX_BYTES = 254
MAX_LOCAL_PART_BYTES = 64

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_AFTER = ".,;:!?"
_MAILTO = "mailto:"
_PRINTABLE = re.compile(r"[ -~]*")
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SPACED_AT = re.compile(rf"[{SPACES}]*@[{SPACES}]*")
_AT_LOOK_ALIKES = "\uff20\ufe6b"
_BULLETS = "•••"

# The first that applies names the reason: a quoted local part may hold commas, an encoded word brackets.
_FORBIDDEN = (
    (re.compile(r"=\?|\?="), "address_encoded_word"),
    (re.compile(r'["\\]'), "address_quoted"),
    (re.compile(r"[()]"), "address_comment"),
    (re.compile(r"[<>]"), "address_angle_brackets"),
    (re.compile(r"[,;]|@.*@"), "address_several"),
    (re.compile(rf"[{_AT_LOOK_ALIKES}]"), "address_look_alike"),
    (re.compile(r"\s"), "address_space"),
)


class AddressRefused(ReclaveError):
    """A text that is not one plain e-mail address; `code` says why, the text itself is not kept."""

    def __init__(self, code: str, **detail: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """One address in its two forms, both ASCII.

    `stored` is what mail is sent to: the local part as typed, the domain as typed or, where it is
    international, in Punycode, so that no later step can map it to another domain. `canonical` is what
    addresses are compared by.
    """

    stored: str
    canonical: str

    def __repr__(self) -> str:
        return f"Address({mask_address(self.canonical)})"


def parse_address(typed: str, *, special_use: bool = False, fold_case: bool = True) -> Address:
    """Read one e-mail address, of at most 254 bytes with a local part of at most 64.

    What copying adds is dropped: spaces around it and its @; `<…>`, quotes or `mailto:` around the whole; a full
    stop or comma after it; characters that show nothing (`copied.visible`). `special_use` admits `.test` domains
    (RFC 6761; `.example` is always admitted); `fold_case` compares the local part without regard to ASCII case, as
    the portal's policy says (S34). Raises AddressRefused (S33): address_missing, address_too_long,
    address_control_character, address_encoded_word, address_quoted, address_comment, address_angle_brackets,
    address_several, address_look_alike, address_space, address_without_at, address_local_part_missing,
    address_local_part_not_ascii, address_local_part_too_long, address_local_part, address_domain.
    """
    if len(typed) > MAX_TYPED:
        raise AddressRefused("address_too_long", maximum=MAX_BYTES)
    text = _plain(typed)
    _check_text(text)
    local, at, domain = text.partition("@")
    if not at:
        raise AddressRefused("address_without_at")
    _check_local_part(local)
    ascii_domain = _ascii_domain(domain, special_use=special_use)
    if len(local) + 1 + len(ascii_domain) > MAX_BYTES:
        raise AddressRefused("address_too_long", maximum=MAX_BYTES)
    return Address(
        stored=f"{local}@{domain if domain.isascii() else ascii_domain}",
        canonical=f"{local.lower() if fold_case else local}@{ascii_domain}",
    )


def show_address(canonical: str) -> str:
    """Spell a canonical address as people write it: an international domain in its own letters."""
    local, _, domain = canonical.partition("@")
    if "xn--" not in domain:
        return canonical
    try:
        shown = f"{local}@{idna.decode(domain)}"
        return shown if parse_address(shown, special_use=True).canonical == canonical else canonical
    except (idna.IDNAError, AddressRefused):
        return canonical


def mask_address(address: str) -> str:
    """Mask an address for logs: `maria@empresa.example` becomes `m•••@e•••.example`. Takes any text."""
    local, at, domain = address.partition("@")
    if not at:
        return _BULLETS
    *names, top = domain.split(".")
    shown = top if names and top.isascii() and top.isalnum() else _BULLETS
    return f"{_mask(local)}@{'.'.join([*map(_mask, names), shown])}"


def _mask(part: str) -> str:
    first = part[:1]
    return (first if first.isascii() and first.isalnum() and len(part) > 1 else "") + _BULLETS


def _plain(typed: str) -> str:
    text = bare(typed, _AFTER)
    if text[: len(_MAILTO)].lower() == _MAILTO:
        text = text[len(_MAILTO) :].partition("?")[0]
        # RFC 6068 escapes there; read as it stands, an escape would be another address.
        if "%" in text:
            raise AddressRefused("address_local_part")
    return _SPACED_AT.sub("@", text)


def _check_text(text: str) -> None:
    if not text:
        raise AddressRefused("address_missing")
    if not _PRINTABLE.fullmatch(text) and any(unicodedata.category(one) in _UNSEEN for one in text):
        raise AddressRefused("address_control_character")
    for pattern, code in _FORBIDDEN:
        if pattern.search(text):
            raise AddressRefused(code)
    if len(text.encode()) > MAX_BYTES:
        raise AddressRefused("address_too_long", maximum=MAX_BYTES)


def _check_local_part(local: str) -> None:
    if not local:
        raise AddressRefused("address_local_part_missing")
    if not local.isascii():
        raise AddressRefused("address_local_part_not_ascii")
    if len(local) > MAX_LOCAL_PART_BYTES:
        raise AddressRefused("address_local_part_too_long", maximum=MAX_LOCAL_PART_BYTES)
    if not _DOT_ATOM.fullmatch(local):
        raise AddressRefused("address_local_part")


@lru_cache(maxsize=1024)  # people have their mail with few
def _ascii_domain(domain: str, *, special_use: bool) -> str:
    try:
        checked = validate_email(
            f"x@{_lower(domain)}",
            strict=True,
            allow_smtputf8=False,
            check_deliverability=False,
            test_environment=special_use,
        )
    except EmailNotValidError:
        # Its message quotes the address, which must not reach a log.
        raise AddressRefused("address_domain") from None
    return checked.ascii_domain


def _lower(domain: str) -> str:
    """The domain in lower case, provided that UTS #46 would change nothing else in it."""
    if domain.isascii():
        return domain.lower()
    lowered = "".join(map(_lower_character, domain))
    if not unicodedata.is_normalized("NFC", domain) or not unicodedata.is_normalized("NFC", lowered):
        raise AddressRefused("address_look_alike")
    return lowered


def _lower_character(character: str) -> str:
    lowered = character.lower()
    if character.isascii():
        return lowered
    try:
        mapped = idna.uts46_remap(character, std3_rules=False, transitional=False)
    except idna.IDNAError:
        raise AddressRefused("address_domain") from None
    # Ñ may become ñ; the Kelvin sign becoming k, or a ligature becoming two letters, is a look-alike.
    if mapped not in (character, lowered) or len(mapped) != 1 or mapped.isascii():
        raise AddressRefused("address_look_alike")
    return mapped
