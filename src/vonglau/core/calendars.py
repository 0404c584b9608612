"""Working calendars: deadlines run on working time, exactly.

Pure: no clock, no database. All sums are integers of microseconds over a table of working sessions with prefix sums, so
that adding a duration is two binary searches and no rounding exists.

The edge, defined once: `add_working(start, d)` is the first instant at which `d` of working time has passed since
`start`. A deadline that uses a session up falls on its end (17:00, not 07:30 of the next day). `d = 0` gives `start`
itself, or the beginning of the next session when `start` lies outside working time. `is_working` is half-open: 07:30
works, 17:00 does not.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from vonglau.core.errors import BadFile, BadInput
from vonglau.core.events import from_us, to_us
from vonglau.core.facts import Text, data_path, read_yaml

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FIRST_YEAR, LAST_YEAR = 2000, 2099
"""Years a calendar can be asked about: the lunar tables of the holidays library and our facts are good within them."""

ALWAYS = "always"
"""The name of the calendar without nights and holidays."""

_SESSION = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d|24:00)\Z")


class Span(NamedTuple):
    """From one local time of day to another, in minutes after midnight; `end` may be 1440."""

    start: int
    end: int


class _Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    valid_from: date
    sessions: dict[str, tuple[str, ...]]
    extra_working_day: tuple[str, ...]
    basis: str
    source: str
    valid_to: date | None = None


class _Holidays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    country: str
    basis: str
    source: str


class _Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: date
    name: Text
    basis: str
    source: str


class _CalendarFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zone: str
    name: Text
    hours: tuple[_Hours, ...]
    holidays: _Holidays | None = None
    days_off: tuple[_Day, ...] = ()
    working_days: tuple[_Day, ...] = ()
    not_holidays: tuple[_Day, ...] = ()


class WeekHours(NamedTuple):
    """Working sessions of a week, and how long they hold. Dates are inclusive."""

    valid_from: date
    valid_to: date | None
    week: tuple[tuple[Span, ...], ...]
    """Seven entries, Monday first."""
    extra: tuple[Span, ...]
    """Sessions of a working day in exchange for another day off."""


class _Table(NamedTuple):
    """Sessions of the years first..last in order, µs UTC; `done[i]`: working time before session i (one entry more)."""

    first: int
    last: int
    starts: list[int]
    ends: list[int]
    done: list[int]


class Calendar:
    """When people work. Immutable to its users; its table of years grows on demand and is replaced, never changed."""

    def __init__(
        self,
        hours: Iterable[WeekHours],
        zone: str = "Asia/Ho_Chi_Minh",
        *,
        country: str | None = None,
        days_off: dict[date, Text] | None = None,
        working_days: Iterable[date] = (),
        not_holidays: Iterable[date] = (),
    ) -> None:
        """`country` takes public holidays from the holidays library; the other three correct it day by day."""
        self.zone = ZoneInfo(zone)
        self._hours = sorted(hours)
        self._country = country
        self._days_off = days_off or {}
        self._working_days = frozenset(working_days)
        self._not_holidays = frozenset(not_holidays)
        self._round_the_clock = False
        self._table = _Table(0, 0, [], [], [0])
        if not any(spans for hours_ in self._hours for spans in hours_.week):
            raise BadInput(
                "a calendar without working hours never reaches a deadline; give at least one session a week"
            )

    @classmethod
    def load(cls, name: str = "vn") -> "Calendar":
        """The calendar of `data/calendars/<name>.yaml`; the same object each time."""
        return calendar(name)

    @classmethod
    def always(cls) -> "Calendar":
        """24 hours, 7 days: for levels that do not stop at night."""
        return calendar(ALWAYS)

    @property
    def round_the_clock(self) -> bool:
        """True when every instant works: durations then are plain durations."""
        return self._round_the_clock

    # ------------------------------------------------------------------ the three questions

    def add_working(self, start: datetime, duration: timedelta) -> datetime:
        """The first instant at which `duration` of working time has passed since `start`, UTC; edges as above."""
        wanted = duration_us(duration)
        if wanted < 0:
            raise BadInput("a working duration cannot be negative; swap the two instants instead")
        at = _instant(start)
        if self._round_the_clock:
            return from_us(at + wanted)
        table = self._covering(at)
        while not _reaches(table, at, wanted):
            table = self._further(table)
        if wanted == 0:
            return from_us(max(at, table.starts[bisect_left(table.ends, at)]))
        target = _worked(table, at) + wanted
        index = bisect_left(table.done, target) - 1
        return from_us(table.starts[index] + target - table.done[index])

    def working_between(self, a: datetime, b: datetime) -> timedelta:
        """Working time from `a` to `b`; negative when `b` is before `a`."""
        first, second = _instant(a), _instant(b)
        if self._round_the_clock:
            return timedelta(microseconds=second - first)
        table = self._covering(min(first, second), max(first, second))
        return timedelta(microseconds=_worked(table, second) - _worked(table, first))

    def is_working(self, at: datetime) -> bool:
        """Whether `at` lies inside a session (its end does not)."""
        moment = _instant(at)
        if self._round_the_clock:
            return True
        table = self._covering(moment)
        index = bisect_right(table.starts, moment) - 1
        return index >= 0 and moment < table.ends[index]

    # ------------------------------------------------------------------ for pages

    def day_off(self, day: date) -> Text | None:
        """The name of the public holiday, or None on other days, weekends included."""
        if self._round_the_clock or day in self._working_days or day in self._not_holidays:
            return None
        if day in self._days_off:
            return self._days_off[day]
        return _public_holidays(self._country, day.year)[0].get(day) if self._country else None

    def sessions(self, day: date) -> list[tuple[datetime, datetime]]:
        """The working sessions of a local day, UTC, in order."""
        spans = (Span(0, 1440),) if self._round_the_clock else self._spans(day)
        return [(from_us(self._local_us(day, span.start)), from_us(self._local_us(day, span.end))) for span in spans]

    # ------------------------------------------------------------------ the table

    def _spans(self, day: date) -> tuple[Span, ...]:
        hours = next(
            (h for h in self._hours if h.valid_from <= day and (h.valid_to is None or day <= h.valid_to)), None
        )
        if hours is None or self.day_off(day) is not None:
            return ()
        exchanged = bool(self._country) and day in _public_holidays(self._country, day.year)[1]
        if day in self._working_days or (exchanged and day not in self._days_off):
            return hours.week[day.weekday()] or hours.extra
        return hours.week[day.weekday()]

    def _local_us(self, day: date, minute: int) -> int:
        midnight = datetime.combine(
            day + timedelta(days=minute // 1440), time(minute % 1440 // 60, minute % 60), self.zone
        )
        return to_us(midnight.astimezone(UTC))

    def _build(self, first: int, last: int) -> _Table:
        starts: list[int] = []
        ends: list[int] = []
        for ordinal in range(date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal() + 1):
            day = date.fromordinal(ordinal)
            for span in self._spans(day):
                starts.append(self._local_us(day, span.start))
                ends.append(self._local_us(day, span.end))
        lengths = (end - start for start, end in zip(starts, ends, strict=True))
        table = _Table(first, last, starts, ends, list(accumulate(lengths, initial=0)))
        self._table = table
        return table

    def _covering(self, low: int, high: int | None = None) -> _Table:
        """A table that holds the instants and a year around them, so that a session across New Year is whole."""
        table = self._table
        first, last = from_us(low).year, from_us(low if high is None else high).year
        if table.first < first and last < table.last:
            return table
        if first < FIRST_YEAR + 1 or last > LAST_YEAR - 1:
            raise BadInput(f"the working calendar knows the years {FIRST_YEAR + 1} to {LAST_YEAR - 1}; check the date")
        spread = (min(first - 1, table.first or first), max(last + 2, table.last))
        return self._build(max(spread[0], FIRST_YEAR), min(spread[1], LAST_YEAR))

    def _further(self, table: _Table) -> _Table:
        """More years, for a duration that leaves the table."""
        if table.last >= LAST_YEAR:
            raise BadInput(
                f"the deadline falls after {LAST_YEAR}, or no working hours follow; check the duration and the calendar"
            )
        return self._build(table.first, min(table.last + 4, LAST_YEAR))


def _reaches(table: _Table, at: int, wanted: int) -> bool:
    """Whether the table holds the answer: enough working time after `at`, or a session to fall into."""
    if wanted == 0:
        return bool(table.ends) and table.ends[-1] >= at
    return _worked(table, at) + wanted <= table.done[-1]


def _worked(table: _Table, at: int) -> int:
    """Working µs from the table's beginning to `at`."""
    index = bisect_right(table.starts, at) - 1
    if index < 0:
        return 0
    return table.done[index] + min(at, table.ends[index]) - table.starts[index]


def _instant(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise BadInput("a moment without a zone is ambiguous; give an aware datetime (UTC)")
    return to_us(moment)


def duration_us(duration: timedelta) -> int:
    """Microseconds of a duration, as an exact integer."""
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds


@cache
def _public_holidays(country: str, year: int) -> tuple[dict[date, Text], frozenset[date]]:
    """Public holidays by day with their names, and weekend days worked in exchange."""
    import holidays  # at the first question: it takes a quarter of a second, and a start should not wait for it

    try:
        local = holidays.country_holidays(country, years=year, language="vi" if country == "VN" else None)
        english = holidays.country_holidays(country, years=year, language="en_US")
    except NotImplementedError as error:
        raise BadInput(
            f"the holidays library does not know the country {country}; use an ISO 3166 code such as VN"
        ) from error
    names = {day: Text(vi=name, en=english.get(day) or name) for day, name in local.items() if day.year == year}
    return names, frozenset(local.weekend_workdays)


def _parse_spans(path: object, where: str, texts: Iterable[str]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for text in texts:
        match = _SESSION.match(text)
        if not match:
            raise BadFile(f'{path}, {where}: "{text}" is not a session; write it as "07:30-11:30"')
        start, end = (int(part[:2]) * 60 + int(part[3:]) for part in match.groups())
        if not start < end <= 1440 or int(match[1][3:]) > 59 or int(match[2][3:]) > 59:
            raise BadFile(f'{path}, {where}: "{text}" does not end after it begins, within the day')
        if spans and start < spans[-1].end:
            raise BadFile(f'{path}, {where}: "{text}" begins before the session above it ends; put them in order')
        spans.append(Span(start, end))
    return tuple(spans)


@cache
def calendar(name: str = "vn") -> Calendar:
    """A calendar by name: one of `data/calendars/`, or `always`. The same object each time."""
    if name == ALWAYS:
        return _always()
    path = data_path("calendars", f"{name}.yaml")
    file = read_yaml(path, _CalendarFile)
    hours = []
    for number, entry in enumerate(file.hours):
        where = f"hours[{number}]"
        if set(entry.sessions) != set(WEEKDAYS):
            raise BadFile(
                f"{path}, {where}.sessions: name all seven weekdays ({', '.join(WEEKDAYS)}); [] for a day off"
            )
        week = tuple(_parse_spans(path, f"{where}.sessions.{day}", entry.sessions[day]) for day in WEEKDAYS)
        extra = _parse_spans(path, f"{where}.extra_working_day", entry.extra_working_day)
        hours.append(WeekHours(entry.valid_from, entry.valid_to, week, extra))
    try:
        return Calendar(
            hours,
            file.zone,
            country=file.holidays.country if file.holidays else None,
            days_off={day.date: day.name for day in file.days_off},
            working_days=[day.date for day in file.working_days],
            not_holidays=[day.date for day in file.not_holidays],
        )
    except ZoneInfoNotFoundError as error:
        raise BadFile(f"{path}, zone: {file.zone} is not a time zone; use a name such as Asia/Ho_Chi_Minh") from error


def _always() -> Calendar:
    every_day = ((Span(0, 1440),),) * 7
    always = Calendar([WeekHours(date(FIRST_YEAR, 1, 1), None, every_day, every_day[0])], "UTC")
    always._round_the_clock = True
    return always
