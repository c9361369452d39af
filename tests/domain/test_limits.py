import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.limits import Limit, Scope, admitted, parse_limit, parse_span
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span

NOW: Instant = 1_790_000_000 * SECOND

limits = st.builds(
    Limit,
    st.one_of(st.integers(1, 20), st.integers(1, 10**9 - 1)),
    st.sampled_from([SECOND, MINUTE, HOUR, DAY]),
    st.just(Scope.IDENTIFIER),
)


@pytest.mark.req("S4")
@given(limit=limits)
def test_a_quiet_key_may_spend_exactly_its_count_at_once(limit: Limit) -> None:
    passed, tat = admitted(None, NOW, limit, limit.count + 7)
    assert passed == limit.count
    assert admitted(tat, NOW, limit, 1)[0] == 0


@given(limit=limits)
def test_one_request_is_earned_back_in_each_interval(limit: Limit) -> None:
    _, tat = admitted(None, NOW, limit, limit.count)
    assert admitted(tat, NOW + limit.interval - 1, limit, 1)[0] == 0
    assert admitted(tat, NOW + limit.interval, limit, 2)[0] == 1
    assert admitted(tat, NOW + 3 * limit.interval, limit, 9)[0] == min(3, limit.count)


@pytest.mark.req("S4")
@given(limit=limits, tries=st.lists(st.tuples(st.integers(0, HOUR), st.integers(1, 10**6)), max_size=20))
def test_no_sequence_of_requests_passes_beyond_count_and_what_was_earned_back(
    limit: Limit, tries: list[tuple[Span, int]]
) -> None:
    now, tat, total = NOW, None, 0
    for waited, amount in tries:
        now += waited
        passed, tat = admitted(tat, now, limit, amount)
        assert 0 <= passed <= amount
        total += passed
        assert total <= limit.count + (now - NOW) // limit.interval


@given(limit=limits, first=st.integers(0, 10**6), second=st.integers(0, 10**6), ahead=st.integers(0, DAY))
def test_two_requests_at_once_pass_like_one_of_their_sum(limit: Limit, first: int, second: int, ahead: Span) -> None:
    one, tat = admitted(NOW + ahead, NOW, limit, first)
    two, tat = admitted(tat, NOW, limit, second)
    assert (one + two, tat) == admitted(NOW + ahead, NOW, limit, first + second)


@pytest.mark.req("I8")
@given(limit=limits, ahead=st.integers(0, 400 * DAY))
def test_after_a_jump_back_a_limit_is_full_at_worst_and_recovers_within_its_period(limit: Limit, ahead: Span) -> None:
    _, tat = admitted(NOW + ahead, NOW, limit, 1)
    assert tat <= NOW + limit.interval * limit.count
    recovered = max(limit.period, limit.interval * limit.count)
    assert admitted(tat, NOW + recovered, limit, limit.count)[0] == limit.count


@given(limit=limits)
def test_what_is_refused_is_not_counted(limit: Limit) -> None:
    _, tat = admitted(None, NOW, limit, limit.count)
    assert admitted(tat, NOW, limit, 5) == (0, tat)


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ("5/hour per identifier", Limit(5, HOUR, Scope.IDENTIFIER)),
        ("30/minute per client", Limit(30, MINUTE, Scope.CLIENT)),
        ("6000/day per portal", Limit(6000, DAY, Scope.PORTAL)),
        ("1/second per client", Limit(1, SECOND, Scope.CLIENT)),
    ],
)
def test_a_limit_is_read_as_it_is_said(written: str, limit: Limit) -> None:
    assert parse_limit(written) == limit


@pytest.mark.parametrize(
    "written",
    [
        "",
        "5",
        "5/hour",
        "0/hour per client",
        "-1/hour per client",
        "5/week per client",
        "5/hour per cooldown",
        "5/hour per client ",
        "1000000000/hour per client",
        "5 / hour per client",
    ],
)
def test_what_is_not_a_limit_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match="5/hour per identifier"):
        parse_limit(written)


@pytest.mark.parametrize(
    ("written", "span"),
    [("90s", 90 * SECOND), ("2m", 2 * MINUTE), ("24h", DAY), ("30d", 30 * DAY), ("0s", 0)],
)
def test_a_length_of_time_is_read_as_it_is_said(written: str, span: Span) -> None:
    assert parse_span(written) == span


@pytest.mark.parametrize("written", ["", "90", "s", "1.5h", "-1h", "1h30m", "1 h", "2w", "1h\n", "1000000s"])
def test_what_is_not_a_length_of_time_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match="2m"):
        parse_span(written)
