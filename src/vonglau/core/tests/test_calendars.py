"""The working calendar's laws, and the days of Việt Nam."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.calendars import Calendar, Span, WeekHours
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.facts import Text

VN = Calendar.load()
ALWAYS = Calendar.always()
PARIS = Calendar(
    [
        WeekHours(
            date(2000, 1, 1),
            None,
            (
                (Span(0, 1440),),
                (Span(1320, 1440),),
                (Span(0, 90), Span(120, 240)),
                (),
                (Span(480, 720),),
                (),
                (Span(60, 300),),
            ),
            (),
        )
    ],
    "Europe/Paris",
)
"""Midnight sessions and a zone with summer time: what an office calendar never meets."""

calendars = st.sampled_from([VN, ALWAYS, PARIS])
moments = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
durations = st.timedeltas(timedelta(0), timedelta(days=120))


def at(text: str) -> datetime:
    """A local moment of Việt Nam as UTC."""
    return datetime.fromisoformat(text + "+07:00").astimezone(UTC)


@given(calendars, moments, durations)
def test_adding_then_measuring_gives_the_duration_back(
    calendar: Calendar, start: datetime, duration: timedelta
) -> None:
    end = calendar.add_working(start, duration)
    assert end >= start
    assert calendar.working_between(start, end) == duration


@given(calendars, moments, durations, durations)
def test_adding_in_two_steps_is_adding_at_once(calendar: Calendar, start: datetime, a: timedelta, b: timedelta) -> None:
    assert calendar.add_working(calendar.add_working(start, a), b) == calendar.add_working(start, a + b)


@given(calendars, moments, moments, durations)
def test_a_later_start_is_never_due_earlier(calendar: Calendar, a: datetime, b: datetime, duration: timedelta) -> None:
    first, second = sorted((a, b))
    assert calendar.add_working(first, duration) <= calendar.add_working(second, duration)


@given(calendars, moments, durations, durations)
def test_a_longer_duration_is_never_due_earlier(
    calendar: Calendar, start: datetime, a: timedelta, b: timedelta
) -> None:
    shorter, longer = sorted((a, b))
    assert calendar.add_working(start, shorter) <= calendar.add_working(start, longer)


@given(calendars, moments, moments, moments)
def test_working_time_adds_up_across_any_split(calendar: Calendar, a: datetime, b: datetime, c: datetime) -> None:
    assert calendar.working_between(a, b) + calendar.working_between(b, c) == calendar.working_between(a, c)


@given(calendars, moments, durations)
def test_a_deadline_is_in_working_time_or_at_the_end_of_a_session(
    calendar: Calendar, start: datetime, duration: timedelta
) -> None:
    end = calendar.add_working(start, duration)
    assert calendar.is_working(end) or calendar.is_working(end - timedelta(microseconds=1))


@given(moments, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_working_time_is_what_the_sessions_of_each_day_hold(start: datetime, length: timedelta) -> None:
    end = start + length
    total = timedelta(0)
    for offset in range(-1, length.days + 3):
        for opens, closes in VN.sessions((start + timedelta(days=offset)).date()):
            total += max(min(closes, end) - max(opens, start), timedelta(0))
    assert VN.working_between(start, end) == total


@given(moments, durations)
def test_around_the_clock_is_plain_time(start: datetime, duration: timedelta) -> None:
    assert ALWAYS.add_working(start, duration) == start + duration
    assert ALWAYS.is_working(start)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-20T08:00", 8, "2026-11-23T08:00"),  # Friday morning to Monday morning
        ("2026-11-20T16:00", 1, "2026-11-20T17:00"),  # used up at the end of the day: that end, not Monday
        ("2026-11-20T11:00", 1, "2026-11-20T13:30"),  # across lunch
        ("2026-11-20T12:15", 4, "2026-11-20T17:00"),  # reported at lunch: the clock starts at 13:00
        ("2026-11-21T10:00", 4, "2026-11-23T11:30"),  # reported on Saturday
        ("2026-11-23T13:00", 8, "2026-11-25T11:30"),  # 24 November is Vietnam Cultural Day
        ("2026-02-13T13:00", 8, "2026-02-23T11:30"),  # across Tết Bính Ngọ: 16 to 20 February and two weekends
        ("2026-08-21T13:00", 8, "2026-08-22T11:30"),  # Saturday 22 August is worked in exchange for 31 August
        ("2026-04-29T16:00", 2, "2026-05-04T08:30"),  # 30 April and 1 May
        ("2026-11-20T17:00", 0, "2026-11-20T17:00"),  # nothing to add, at the end of a session: stays
        ("2026-11-20T17:01", 0, "2026-11-23T07:30"),  # nothing to add, outside: the next session
    ],
)
def test_deadlines_of_real_days(start: str, hours: int, due: str) -> None:
    assert VN.add_working(at(start), timedelta(hours=hours)) == at(due)


def test_is_working_is_half_open() -> None:
    assert VN.is_working(at("2026-11-20T07:30"))
    assert not VN.is_working(at("2026-11-20T11:30"))
    assert not VN.is_working(at("2026-11-20T12:00"))
    assert not VN.is_working(at("2026-11-22T09:00"))
    assert not VN.is_working(at("2026-09-02T09:00"))


def test_holidays_are_named_in_both_languages() -> None:
    named = VN.day_off(date(2026, 9, 2))
    assert named == Text(vi="Quốc khánh", en="National Day")
    assert VN.day_off(date(2026, 11, 22)) is None
    assert ALWAYS.day_off(date(2026, 9, 2)) is None


def test_facts_correct_the_library_day_by_day() -> None:
    office = (Span(480, 720),)
    calendar = Calendar(
        [WeekHours(date(2000, 1, 1), None, (office,) * 5 + ((), ()), office)],
        country="VN",
        days_off={date(2026, 11, 20): Text(vi="Nghỉ bão", en="Storm")},
        working_days=[date(2026, 11, 21)],
        not_holidays=[date(2026, 11, 24)],
    )
    assert calendar.sessions(date(2026, 11, 20)) == []
    assert calendar.sessions(date(2026, 11, 21)) == [(at("2026-11-21T08:00"), at("2026-11-21T12:00"))]
    assert calendar.sessions(date(2026, 11, 24)) == [(at("2026-11-24T08:00"), at("2026-11-24T12:00"))]


def test_hours_hold_from_day_to_day() -> None:
    early, late = (Span(420, 660),), (Span(480, 720),)
    calendar = Calendar(
        [
            WeekHours(date(2020, 1, 1), date(2025, 12, 31), (early,) * 7, early),
            WeekHours(date(2026, 1, 1), None, (late,) * 7, late),
        ]
    )
    assert calendar.sessions(date(2019, 12, 31)) == []
    assert calendar.sessions(date(2025, 12, 31))[0][0] == at("2025-12-31T07:00")
    assert calendar.sessions(date(2026, 1, 1))[0][0] == at("2026-01-01T08:00")


def test_what_cannot_be_answered_is_refused() -> None:
    with pytest.raises(BadInput, match="zone"):
        VN.add_working(datetime(2026, 1, 1), timedelta(hours=1))
    with pytest.raises(BadInput, match="negative"):
        VN.add_working(at("2026-01-05T08:00"), timedelta(hours=-1))
    with pytest.raises(BadInput, match="years"):
        VN.is_working(datetime(1950, 1, 1, tzinfo=UTC))
    with pytest.raises(BadInput, match="deadline falls after"):
        PARIS.add_working(datetime(2090, 1, 1, tzinfo=UTC), timedelta(days=36_500))
    with pytest.raises(BadInput, match="never reaches"):
        Calendar([WeekHours(date(2000, 1, 1), None, ((),) * 7, ())])


def test_a_far_deadline_grows_the_table() -> None:
    calendar = Calendar([WeekHours(date(2000, 1, 1), None, ((Span(0, 60),),) * 7, ())])
    start = datetime(2010, 6, 1, tzinfo=UTC)
    end = calendar.add_working(start, timedelta(hours=365 * 20))
    assert end.year == 2030
    assert calendar.working_between(start, end) == timedelta(hours=365 * 20)


def test_a_wrong_calendar_file_is_refused_with_its_place(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "calendars").mkdir()
    text = (
        "zone: Asia/Ho_Chi_Minh\nname: {vi: a, en: b}\nhours:\n- valid_from: 2000-01-01\n  basis: x\n  source: x\n"
        '  extra_working_day: []\n  sessions: {monday: ["11:30-07:30"], tuesday: [], wednesday: [], thursday: [], friday: [], '
        "saturday: [], sunday: []}\n"
    )
    (tmp_path / "calendars" / "odd.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    with pytest.raises(BadFile, match=r"odd.yaml, hours\[0\].sessions.monday: .*does not end after it begins"):
        Calendar.load("odd")
