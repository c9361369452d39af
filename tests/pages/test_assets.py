"""The script as it is served: small, and nothing lost of it but what only people read."""

import re

from reclave.pages import assets
from reclave.pages.assets import script

STRING = re.compile(r'"[^"\n]*"|`[^`]*`')
WORD = re.compile(r"[\w$.]+")
SOURCE = (assets._STATIC / "reclave.js").read_text("utf-8")


def code() -> str:
    """The source without its comments, each of which has lines of its own."""
    return "\n".join(line for line in SOURCE.splitlines() if not line.lstrip().startswith("//"))


def test_the_script_is_at_most_three_kilobytes_as_served() -> None:
    assert len(script()) <= 3 * 1024


def test_every_string_and_every_word_of_the_script_is_served_in_its_order() -> None:
    served = script().decode()
    assert STRING.findall(served) == STRING.findall(code())
    assert WORD.findall(served) == WORD.findall(code())
    assert "//" not in served


def test_the_script_keeps_to_what_taking_spaces_out_of_it_takes_for_granted() -> None:
    """No strings in single quotes, no regular expressions, no comment behind code, no statement without its end."""
    assert "'" not in code()
    assert "/" not in STRING.sub("", code())
    ends = ("{", "}", ";", "(", ",", "=>")
    assert [line for line in code().splitlines() if line.strip() and not line.endswith(ends)] == []
