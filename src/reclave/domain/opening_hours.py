"""When a help desk answers: `lun-vie 07:00-19:00, sáb 08:00-12:00`, read in the portal's time zone."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from reclave.domain.spelling import nearest
from reclave.domain.time import Instant

_DAYS = (
    ("lun", "mon", "seg"),
    ("mar", "tue", "ter"),
    ("mié", "mie", "wed", "qua"),
    ("jue", "thu", "qui"),
    ("vie", "fri", "sex"),
    ("sáb", "sab", "sat"),
    ("dom", "sun"),
)
_DAY_NUMBERS = {name: number for number, names in enumerate(_DAYS) for name in names}
_PART = re.compile(r"(\w+)(?:-(\w+))? ([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 60
_MIDNIGHT = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Shift:
    """Days of the week (Monday is 0) and the minutes of the day between which the desk is open."""

    first_day: int
    last_day: int
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The shifts of a week, in the order in which the portal writes them."""

    shifts: tuple[Shift, ...]

    def is_open(self, now: Instant, zone: ZoneInfo) -> bool:
        """Whether somebody answers at an instant (microseconds UTC)."""
        local = (_EPOCH + timedelta(microseconds=now)).astimezone(zone)
        minute = local.hour * 60 + local.minute
        return any(
            shift.first_day <= local.weekday() <= shift.last_day and shift.opens <= minute < shift.closes
            for shift in self.shifts
        )


def parse_opening_hours(written: str) -> OpeningHours:
    """Read shifts separated by commas; days in Spanish, English or Portuguese, three letters each.

    Raises ValueError with what was expected.
    """
    return OpeningHours(tuple(_shift(written, part.strip()) for part in written.split(",")))


def _shift(written: str, part: str) -> Shift:
    matched = _PART.fullmatch(unicodedata.normalize("NFC", part).lower())
    if matched is None:
        raise _refused(written, "")
    first, last, *numbers = matched.groups()
    first_day, last_day = _day(written, first), _day(written, last or first)
    if first_day > last_day:
        raise _refused(written, ": the week begins on Monday, so put Sunday into a part of its own")
    from_hour, from_minute, to_hour, to_minute = map(int, numbers)
    opens, closes = from_hour * _HOUR + from_minute, to_hour * _HOUR + to_minute
    if max(from_minute, to_minute) >= _HOUR or closes > _MIDNIGHT:
        raise _refused(written, ": a day has 24 hours of 60 minutes")
    if opens >= closes:
        raise _refused(written, ": a shift ends after it begins; split it where it goes past midnight (24:00)")
    return Shift(first_day, last_day, opens, closes)


def _day(written: str, name: str) -> int:
    number = _DAY_NUMBERS.get(name)
    if number is None:
        raise _refused(written, f": {name!r} is no day{nearest(name, _DAY_NUMBERS)}")
    return number


def _refused(written: str, why: str) -> ValueError:
    return ValueError(
        f'{written!r} are no opening hours{why}; write for example "lun-vie 07:00-19:00, sáb 08:00-12:00"'
    )
