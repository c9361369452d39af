"""When a help desk answers: shifts as operators write them, in the portal's time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.opening_hours import OpeningHours, Shift, parse_opening_hours
from reclave.domain.time import MINUTE, Instant

BOGOTA = ZoneInfo("America/Bogota")
DAYS = (
    ("lun", "mon", "seg"),
    ("mar", "tue", "ter"),
    ("mié", "mie", "wed", "qua"),
    ("jue", "thu", "qui"),
    ("vie", "fri", "sex"),
    ("sáb", "sab", "sat"),
    ("dom", "sun"),
)
_NUMBERS = {name: number for number, names in enumerate(DAYS) for name in names}
ZONES = st.sampled_from(["UTC", "America/Bogota", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia"]).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - UTC added


def instant(local: datetime) -> Instant:
    """Microseconds UTC of a moment."""
    return (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Shift, str]:
    """A shift, and one of the ways to write it."""
    first, last = sorted((draw(st.integers(0, 6)), draw(st.integers(0, 6))))
    opens = draw(st.integers(0, 24 * 60 - 1))
    closes = draw(st.integers(opens + 1, 24 * 60))
    names = [draw(st.sampled_from(DAYS[day])) for day in ((first,) if first == last else (first, last))]
    cased = draw(st.sampled_from([str.lower, str.upper, str.title]))
    hours = "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (opens, closes))
    return Shift(first, last, opens, closes), f"{cased('-'.join(names))} {hours}"


@given(st.lists(shifts(), min_size=1, max_size=5), st.sampled_from([",", ", ", " , "]))
def test_whatever_shifts_are_written_are_read_in_their_order(written: list[tuple[Shift, str]], comma: str) -> None:
    expected = OpeningHours(tuple(shift for shift, _ in written))
    assert parse_opening_hours(comma.join(text for _, text in written)) == expected


@given(shifts(), INSTANTS, ZONES)
def test_a_desk_is_open_exactly_between_its_minutes_on_its_days(
    written: tuple[Shift, str], now: datetime, zone: ZoneInfo
) -> None:
    shift, text = written
    local = now.astimezone(zone)
    during = shift.opens <= local.hour * 60 + local.minute < shift.closes
    expected = during and shift.first_day <= local.weekday() <= shift.last_day
    assert parse_opening_hours(text).is_open(instant(now), zone) is expected


@given(st.lists(shifts(), min_size=2, max_size=4), INSTANTS, ZONES)
def test_a_desk_is_open_when_any_of_its_shifts_is(
    written: list[tuple[Shift, str]], now: datetime, zone: ZoneInfo
) -> None:
    together = parse_opening_hours(", ".join(text for _, text in written)).is_open(instant(now), zone)
    assert together is any(parse_opening_hours(text).is_open(instant(now), zone) for _, text in written)


def refused(written: str) -> str:
    """What is said of a text that cannot be read; nothing of one that can."""
    try:
        parse_opening_hours(written)
    except ValueError as error:
        return str(error)
    return ""


@given(st.text(max_size=60))
def test_any_other_text_is_read_or_refused_with_an_example(written: str) -> None:
    assert refused(written) == "" or "write for example" in refused(written)


def test_a_shift_begins_with_its_first_minute_and_ends_before_its_last() -> None:
    hours = parse_opening_hours("lun-vie 07:00-19:00, sáb 08:00-12:00")
    friday = instant(datetime(2026, 11, 20, 7, 0, tzinfo=BOGOTA))
    assert not hours.is_open(friday - 1, BOGOTA)
    assert hours.is_open(friday, BOGOTA)
    assert hours.is_open(friday + 12 * 60 * MINUTE - 1, BOGOTA)
    assert not hours.is_open(friday + 12 * 60 * MINUTE, BOGOTA)
    assert hours.is_open(instant(datetime(2026, 11, 21, 8, 0, tzinfo=BOGOTA)), BOGOTA)
    assert not hours.is_open(instant(datetime(2026, 11, 22, 8, 0, tzinfo=BOGOTA)), BOGOTA)


def test_accents_may_be_written_as_letters_with_marks() -> None:
    assert parse_opening_hours("mie\u0301-sa\u0301b 7:00-24:00") == OpeningHours((Shift(2, 5, 7 * 60, 24 * 60),))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "are no opening hours; write"),
        ("always", "are no opening hours; write"),
        ("lun-vie", "are no opening hours; write"),
        ("lun-vie 07:00-19:00,", "are no opening hours; write"),
        ("lun-vie 7-19", "are no opening hours; write"),
        ("lun-vie 07:00–19:00", "are no opening hours; write"),
        ("lum-vie 07:00-19:00", "'lum' is no day; did you mean 'lun'?"),
        ("lun-xyz 07:00-19:00", "'xyz' is no day; write"),
        ("dom-lun 07:00-19:00", "the week begins on Monday"),
        ("lun-vie 22:00-06:00", "past midnight"),
        ("lun-vie 07:00-07:00", "ends after it begins"),
        ("lun-vie 07:60-19:00", "24 hours of 60 minutes"),
        ("lun-vie 07:00-24:01", "24 hours of 60 minutes"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused_with_the_reason(written: str, why: str) -> None:
    assert why in refused(written)
    assert repr(written) in refused(written)
