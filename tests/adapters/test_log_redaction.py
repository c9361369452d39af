"""What is left as it is without a look at each shape has none of them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.adapters.log_redaction import _HARMLESS, _SHAPES, masked


@pytest.mark.req("S44")
@given(word=st.text(alphabet=f"{string.ascii_letters}_", max_size=60))
def test_a_short_word_without_digits_has_the_shape_of_no_secret(word: str) -> None:
    assert (_HARMLESS.fullmatch(word) is None) == (len(word) >= 40)
    if len(word) < 40:
        assert not any(shape.search(word) for shape, _ in _SHAPES)
        assert masked(word) == word
