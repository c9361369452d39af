from collections.abc import Iterator

import pytest

from reclave.operations.import_accounts import seen as module
from reclave.operations.import_accounts.seen import Kind, Seen


@pytest.fixture
def seen() -> Iterator[Seen]:
    with Seen(b"key of a run") as opened:
        yield opened


def test_a_value_is_known_by_the_line_where_it_stood_first(seen: Seen) -> None:
    assert seen.firsts(Kind.ADDRESS, [("a", 2), ("b", 3), ("a", 4)]) == [2, 3, 2]
    assert seen.firsts(Kind.ADDRESS, [("c", 5), ("b", 6)]) == [5, 3]
    assert seen.firsts(Kind.IDENTIFIER, [("b", 7)]) == [7]


def test_values_that_only_share_their_first_digest_are_not_taken_for_each_other(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first digest of every value is the same here; the second one tells them apart.
    first = seen._salts[Kind.SECRET][0]
    monkeypatch.setattr(module, "hash", lambda text: 7 if text.startswith(first) else hash(text), raising=False)
    assert seen.firsts(Kind.SECRET, [("a", 2), ("b", 3), ("a", 4), ("b", 5)]) == [2, 3, 2, 5]
    seen.share(Kind.SECRET, ["c", "a"])
    assert not seen.is_shared(Kind.SECRET, "c")
    assert seen.is_shared(Kind.SECRET, "a")


def test_a_secret_is_shared_when_it_stands_twice(seen: Seen) -> None:
    seen.share(Kind.SECRET, ["a", "b", "a"])
    assert seen.is_shared(Kind.SECRET, "a")
    assert not seen.is_shared(Kind.SECRET, "b")
    assert not seen.is_shared(Kind.SECRET, "c")
