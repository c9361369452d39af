"""How long mail usually takes, as a page says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.outbox import CROWD, usual_wait
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Span


@pytest.mark.parametrize(
    ("ninth", "said"),
    [
        (0, MINUTE),
        (MINUTE, MINUTE),
        (MINUTE + 1, 2 * MINUTE),
        (3 * MINUTE, 5 * MINUTE),
        (14 * MINUTE, 15 * MINUTE),
        (31 * MINUTE, HOUR),
        (3 * HOUR, 4 * HOUR),
        (30 * HOUR, DAY),
    ],
)
def test_nine_of_ten_deliveries_are_rounded_up_to_what_people_say(ninth: Span, said: Span) -> None:
    assert usual_wait([SECOND] * (CROWD // 2) + [ninth] * (CROWD // 2)) == said


def test_one_delivery_in_ten_does_not_count() -> None:
    assert usual_wait([SECOND] * 18 + [5 * HOUR] * 2) == MINUTE
    assert usual_wait([SECOND] * 17 + [5 * HOUR] * 3) == 8 * HOUR


@pytest.mark.req("S1")
@given(st.lists(st.integers(0, DAY), max_size=CROWD - 1))
def test_a_few_recipients_say_nothing(taken: list[Span]) -> None:
    assert usual_wait(taken) is None
