"""New passwords: how they are normalised, which are refused and why, what would make them better.

The rules are those of NIST SP 800-63B-4, 3.1.1.2, and ASVS 5.0, 6.2: length counts, composition doesn't,
and what others guess first is refused with its reason. The lists in `wordlists` decide; zxcvbn, which knows
English only, advises.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from reclave.domain.wordlists import (
    LONG_WORD,
    Kind,
    Piece,
    Trie,
    common_words,
    context_words,
    fold,
    letters_and_digits,
    segment,
)

MAX_CODE_POINTS = 256
"""After normalisation; the standard asks for at least 64."""
MAX_BYTES = 4096
"""In UTF-8, as received; longer texts are refused unread."""

ENOUGH_WORDS = 3
"""Different common words that make a passphrase; names of the portal and its reader don't count."""
ENOUGH_OF_ONES_OWN = 8
"""Letters and digits that must remain beside the names of the portal and its reader."""
_FREE_DIGITS = 6
_FREE_SIGNS = 4
_FREE_LETTERS = 2
_FEW_CHARACTERS = 4
_SHORTEST_CONTEXT_WORD = 3
_SHORTEST_NUMBER = 4
_ADVISED_CODE_POINTS = 40  # zxcvbn's time grows with the cube of the length: 5 ms at 32, 240 ms at 100
_WEAK = 1


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """How long a password must be, in code points after NFC; `source` says who asks for it."""

    name: str
    minimum: int
    minimum_with_second_factor: int
    source: str
    maximum: int = MAX_CODE_POINTS

    def minimum_for(self, *, second_factor: bool) -> int:
        """The minimum for an account with or without a second factor."""
        return self.minimum_with_second_factor if second_factor else self.minimum


NIST = PasswordPolicy("nist", 15, 8, "NIST SP 800-63B-4, 3.1.1.2")
GOVUK = PasswordPolicy("govuk", 8, 8, "GOV.UK Service Manual, passwords, with throttled sign-in")
LEGACY = PasswordPolicy("legacy", 8, 8, "NIST SP 800-63B-3 (2017), 5.1.1.2, superseded")
POLICIES: Mapping[str, PasswordPolicy] = MappingProxyType({p.name: p for p in (NIST, GOVUK, LEGACY)})
"""Presets by name (S16).

Only `nist` meets the current standard; `govuk` and `legacy` accept 8 code points without a second factor,
and `legacy` means: accounts moved in from a system whose users can't be asked for more yet, against a
standard that has been superseded. In all three the blocklists hold, no composition is asked for and
passwords don't expire.
"""


@dataclass(frozen=True, slots=True, repr=False)
class PasswordContext:
    """What is known around a password, all of it refused as its main part (S17).

    `words`: the portal's id, name and motto, the person's or company's name; `identifiers`: canonical values;
    `address`: the e-mail address; `temporary_password`: the one that opened this change, if any (S14).
    """

    words: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    address: str | None = None
    temporary_password: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """One reason against a password; `detail` may quote a word of it: for the page, never for a log."""

    code: str
    detail: dict[str, str | int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PasswordAdvice:
    """An estimate from 0 (guessed at once) to 4, with zxcvbn's warning and suggestions as stable codes."""

    score: int
    warning: str | None = None
    suggestions: tuple[str, ...] = ()


def normalise(password: str) -> str:
    """Bring a password to the form that is hashed: NFC, any Unicode space as SPACE (RFC 8265, OpaqueString).

    Nothing is trimmed, folded or cut. Spaces are mapped because keyboards in use here type a no-break space
    with AltGr or Option; full-width forms and ligatures stay, since mapping them would merge different
    passwords.
    """
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def check_password(
    password: str,
    *,
    policy: PasswordPolicy,
    context: PasswordContext,
    breached: Callable[[str], bool] | None = None,
    second_factor: bool = False,
) -> list[PasswordRefused]:
    """List every reason against a new password, as typed; empty when it may be set.

    Codes: too_short (minimum, got), too_long (maximum), control_character, is_temporary_password, repetition,
    sequence, date, common (word), contains_context (word), breached. `breached` is asked with the normalised
    password, and only when nothing else speaks against it.
    """
    if len(password) > MAX_BYTES or len(password.encode(errors="surrogatepass")) > MAX_BYTES:
        return [PasswordRefused("too_long", {"maximum": policy.maximum})]
    text = normalise(password)
    if len(text) > policy.maximum:
        return [PasswordRefused("too_long", {"maximum": policy.maximum})]
    minimum = policy.minimum_for(second_factor=second_factor)
    refused = list(_refuse_form(text, minimum))
    if text:
        refused += _refuse_guessable(text, minimum, context)
    if not refused and breached is not None and breached(text):
        refused.append(PasswordRefused("breached"))
    return refused


def password_advice(password: str, context: PasswordContext) -> PasswordAdvice:
    """Estimate a password for the page's meter; never decides. Takes about 5 ms at most.

    zxcvbn sees the first 40 code points and gives 4 of 4 to «micontraseña», so that a password which the
    own lists explain scores at most 1.
    """
    from zxcvbn_rs_py import zxcvbn

    text = normalise(password[:_ADVISED_CODE_POINTS]).encode(errors="replace").decode()
    estimate = zxcvbn(text[:_ADVISED_CODE_POINTS], sorted(_context(context)))
    score = int(estimate.score)
    if text and any(_refuse_guessable(text, NIST.minimum_with_second_factor, context)):
        score = min(score, _WEAK)
    if estimate.feedback is None:
        return PasswordAdvice(score)
    warning = estimate.feedback.warning
    return PasswordAdvice(
        score,
        None if warning is None else _code(warning),
        tuple(map(_code, estimate.feedback.suggestions)),
    )


def in_frequency_lists(password: str) -> bool:
    """Whether zxcvbn's built-in lists hold exactly this password; fit for `breached`."""
    from zxcvbn_rs_py import zxcvbn

    text = normalise(password)
    if len(text) > _ADVISED_CODE_POINTS or not text.isprintable():
        return False
    feedback = zxcvbn(text).feedback
    if feedback is None or feedback.warning is None:
        return False
    return _code(feedback.warning) in {
        "this_is_a_top10_password",
        "this_is_a_top100_password",
        "this_is_a_common_password",
    }


def _code(member: object) -> str:
    # Its enums compare and hash by identity of the wrapper, and str() is an English sentence: the name is
    # in repr().
    return re.sub(r"(?<!^)(?=[A-Z])", "_", repr(member).rpartition(".")[2]).lower()


def _refuse_form(text: str, minimum: int) -> Iterator[PasswordRefused]:
    if len(text) < minimum:
        yield PasswordRefused("too_short", {"minimum": minimum, "got": len(text)})
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text):
        yield PasswordRefused("control_character")


def _refuse_guessable(text: str, minimum: int, context: PasswordContext) -> Iterator[PasswordRefused]:
    folded = fold(text)
    if _keeps(letters_and_digits(folded), letters_and_digits(fold(context.temporary_password or ""))):
        yield PasswordRefused("is_temporary_password")
    elif _repeats(text, minimum):
        yield PasswordRefused("repetition")
    elif reason := _explain(folded, context_words(_context(context))):
        yield reason


def _keeps(plain: str, temporary: str) -> bool:
    """Whether a password is the temporary one, a long part of it, or that one with something around it."""
    # A short initial password handed over on paper may well stand inside a good one.
    if min(len(plain), len(temporary)) < ENOUGH_OF_ONES_OWN:
        return bool(plain) and plain == temporary
    return plain in temporary or temporary in plain


def _repeats(text: str, minimum: int) -> bool:
    """Whether only repetition brings a text to `minimum`, or it is made of very few characters."""
    plain = letters_and_digits(unicodedata.normalize("NFKD", text.casefold()))
    if len(plain) <= len(text) // 2:
        plain = text
    if len(set(plain)) <= min(_FEW_CHARACTERS, len(plain) // _FEW_CHARACTERS):
        return True
    period = _period(plain)
    return period <= len(plain) // 2 and period < minimum


def _period(text: str) -> int:
    """Length of the shortest unit that a text repeats, the last one maybe cut short (Knuth-Morris-Pratt)."""
    border = [0] * len(text)
    for at in range(1, len(text)):
        length = border[at - 1]
        while length and text[at] != text[length]:
            length = border[length - 1]
        border[at] = length + (text[at] == text[length])
    return len(text) - border[-1]


def _explain(folded: str, context: Trie) -> PasswordRefused | None:
    for way in (folded, folded[::-1]):
        pieces = segment(way, common_words(), context)
        if _beside_context(pieces) < ENOUGH_OF_ONES_OWN or _explained(pieces):
            return _reason(pieces)
    return None


def _beside_context(pieces: list[Piece]) -> int:
    """Letters and digits outside the context's long words; of a password without them, more than enough."""
    if not any(p.kind is Kind.CONTEXT and len(p.word) >= LONG_WORD for p in pieces):
        return MAX_CODE_POINTS
    return sum(len(letters_and_digits(p.text)) for p in pieces if p.kind is not Kind.CONTEXT)


def _explained(pieces: list[Piece]) -> bool:
    """Whether guessable pieces leave next to nothing: few letters, digits, signs, fewer than three words."""
    weight = sum(_weight(kind, word) for kind, word in {(p.kind, p.word) for p in pieces})
    known = sum(len(p.text) for p in pieces if p.kind in _MAIN)
    rest = sum(p.kind is Kind.UNKNOWN for p in pieces)
    rest += max(0, sum(p.kind is Kind.DIGIT for p in pieces) - _FREE_DIGITS)
    rest += max(0, sum(p.kind is Kind.SIGN and p.text != " " for p in pieces) - _FREE_SIGNS)
    return known > 0 and weight < ENOUGH_WORDS and rest <= min(_FREE_LETTERS, known // LONG_WORD)


_MAIN = (Kind.CONTEXT, Kind.COMMON, Kind.SEQUENCE, Kind.DATE)


def _weight(kind: Kind, word: str) -> float:
    if kind is Kind.COMMON:
        return 1 if len(word) >= LONG_WORD else 0.5
    return 0.25 if kind is Kind.FILLER else 0


def _reason(pieces: list[Piece]) -> PasswordRefused:
    for kind, code in ((Kind.CONTEXT, "contains_context"), (Kind.COMMON, "common")):
        if words := [p.word for p in pieces if p.kind is kind]:
            return PasswordRefused(code, {"word": max(words, key=len)})
    sequence = any(p.kind is Kind.SEQUENCE for p in pieces)
    return PasswordRefused("sequence" if sequence else "date")


def _context(context: PasswordContext) -> dict[str, str]:
    """What a portal and its reader are known by, whole and in parts, with the spelling to show."""
    words: dict[str, str] = {}
    for text in (*context.words, *context.identifiers, *(context.address or "").split("@")):
        words[letters_and_digits(text)] = text
        words |= {part: part for part in (*re.split(r"[\W_]+", text), *re.split(r"[\W_\d]+", text))}
    # A NIT is as well known without its check digit.
    words |= {word[:-1]: word[:-1] for word in context.identifiers if word.isdigit()}
    return {
        word: shown
        for word, shown in words.items()
        if len(word) >= (_SHORTEST_NUMBER if word.isdigit() else _SHORTEST_CONTEXT_WORD)
    }
