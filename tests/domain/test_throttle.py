import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.throttle import FREE_TRIES, PAUSE_AFTER, Tally, counted
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span

NOW: Instant = 1_790_000_000 * SECOND


def after(failures: int, now: Instant = NOW) -> Tally:
    tally = Tally()
    for _ in range(failures):
        tally = counted(tally, now)
    return tally


@pytest.mark.req("S23")
def test_the_first_ten_guesses_never_wait() -> None:
    assert [after(failures).wait(NOW) for failures in range(FREE_TRIES)] == [0] * FREE_TRIES
    assert FREE_TRIES == 10


@pytest.mark.req("S23")
def test_then_the_waits_double_from_half_a_minute_to_an_hour() -> None:
    waits = [after(failures).wait(NOW) for failures in range(FREE_TRIES, 20)]
    assert waits == [30 * SECOND, *(minutes * MINUTE for minutes in (1, 2, 4, 8, 16, 32)), HOUR, HOUR, HOUR]


@given(failures=st.integers(0, 5_000), later=st.integers(0, DAY))
def test_a_wait_counts_down_to_zero(failures: int, later: Span) -> None:
    tally = counted(Tally(failures), NOW)
    assert tally.failures == failures + 1
    assert tally.wait(NOW + later) == max(0, tally.wait(NOW) - later)


@pytest.mark.req("I8")
@given(failures=st.integers(0, 200), jump=st.integers(-400 * DAY, 400 * DAY))
def test_no_jump_of_the_clock_makes_a_wait_longer_than_its_failures_call_for(failures: int, jump: Span) -> None:
    tally = counted(Tally(failures), NOW)
    assert 0 <= tally.wait(NOW + jump) <= tally.wait(NOW) <= HOUR


@pytest.mark.req("I8")
def test_a_wait_from_a_future_that_the_clock_has_left_has_ended() -> None:
    assert after(FREE_TRIES).wait(NOW - HOUR) == 0
    assert after(50).wait(NOW - 365 * DAY) == 0


@pytest.mark.req("S23")
def test_who_guesses_without_pause_has_fewer_than_forty_guesses_in_a_day() -> None:
    tally, now = Tally(), NOW
    while now < NOW + DAY:
        tally = counted(tally, now)
        now += tally.wait(now)
    assert FREE_TRIES < tally.failures < 40 < PAUSE_AFTER
