"""What typing and copying leave around a text that nobody meant: spaces, brackets, quotes, marks that show nothing.

Only what cannot tell one account from another is dropped. What turns the reading around (U+202E) or shows nothing by
other means stays, and is refused by those who read the text.
"""

SPACES = "\t \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_UNSEEN = dict.fromkeys(
    map(ord, "\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u2060\u2066\u2067\u2068\u2069\ufeff")
)
_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))
_PAIRS = ("<>", '""', "''", "``", "\u201c\u201d", "\u2018\u2019", "«»", "\u201e\u201c", "\u2039\u203a")


def visible(text: str) -> str:
    """The text without soft hyphens, spaces of no width and marks of direction.

    Joiners (U+200C, U+200D) belong to the spelling of some scripts: they are dropped only where all else is ASCII.
    """
    if text.isascii():
        return text
    seen = text.translate(_UNSEEN)
    joined = seen.translate(_JOINERS)
    return joined if joined.isascii() else seen


def bare(text: str, after: str) -> str:
    """What is visible of a text, without the spaces, brackets and quotes around it, and without `after` at its end."""
    left, text = None, visible(text)
    while left != text:
        left, text = text, text.strip(SPACES).rstrip(SPACES + after)
        if len(text) > 1 and text[0] + text[-1] in _PAIRS:
            text = text[1:-1]
    return text
