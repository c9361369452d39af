"""When a help desk answers: `lun-vie 07:00-19:00, sáb 08:00-12:00`, read in the portal's time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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
_MIDNIGHT = 24 * 60


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
    matched = _PART.fullmatch(part.lower())
    if matched is None:
        raise _refused(written)
    first, last, *minutes = matched.groups()
    days = [_DAY_NUMBERS.get(name) for name in (first, last or first)]
    opens, closes = (int(hour) * 60 + int(minute) for hour, minute in (minutes[:2], minutes[2:]))
    if None in days or not opens < closes <= _MIDNIGHT or any(int(minute) > 59 for minute in minutes[1::2]):  # noqa: PLR2004
        raise _refused(written)
    first_day, last_day = (day or 0 for day in days)
    if first_day > last_day:
        raise _refused(written)
    return Shift(first_day, last_day, opens, closes)


def _refused(written: str) -> ValueError:
    return ValueError(f'{written!r} are no opening hours: write for example "lun-vie 07:00-19:00, sáb 08:00-12:00"')
